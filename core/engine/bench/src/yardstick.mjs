// The other side of the benchmark: sharp, driven the way `measure` drives the engine.
//
//   time FILE PIPELINES ITERATIONS [--threads N] [--concurrency N] [--out FILE]
//       prints `wall_ms cpu_ms bytes` per iteration; the peak of the process's memory, and what it was before the first
//       iteration, go to standard error
//   decode FILE OUT              raw sRGB samples, upright; prints {width, height, channels}
//   encode RAW SHAPE FORMAT OPTIONS OUT
//   describe FILE...             {format, width, height, alpha} a file
//   version
//
// PIPELINES is a list of pipelines, a pipeline is a list of [method, argument...]. A string argument that begins with
// `<svg` is handed over as a buffer, which is how sharp takes text to lay over a picture.
import fs from 'node:fs/promises';
import process from 'node:process';
import sharp from 'sharp';

sharp.cache(false);
sharp.simd(true);

const option = (words, name, otherwise) => {
  const at = words.indexOf(name);
  return at < 0 ? otherwise : words[at + 1];
};

const argument = (value) => {
  if (typeof value === 'string' && value.startsWith('<svg')) return Buffer.from(value);
  if (Array.isArray(value)) return value.map(argument);
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, argument(inner)]));
  }
  return value;
};

const open = (bytes, turned) => {
  const image = sharp(bytes, { limitInputPixels: false });
  return turned ? image.autoOrient() : image;
};

const run = (bytes, turned, pipeline) =>
  pipeline.reduce((image, [method, ...rest]) => image[method](...rest), open(bytes, turned)).toBuffer();

const memory = async (name) => {
  const status = await fs.readFile('/proc/self/status', 'utf8');
  return new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)[1];
};

const commands = {
  async time(file, pipelines, iterations, ...words) {
    const threads = Number(option(words, '--threads', 1));
    const out = option(words, '--out');
    sharp.concurrency(Number(option(words, '--concurrency', 1)));
    const bytes = await fs.readFile(file);
    const turned = ((await sharp(bytes).metadata()).orientation ?? 1) > 1;
    const tasks = argument(JSON.parse(pipelines));
    const lines = [];
    // Starting node takes more memory than idling does; the peak counts from here.
    await fs.writeFile('/proc/self/clear_refs', '5').catch(() => {});
    const idle = await memory('VmRSS');
    const work = async (first) => {
      for (let iteration = 0; iteration < Number(iterations); iteration += 1) {
        const cpu = process.cpuUsage();
        const wall = performance.now();
        let length = 0;
        const results = [];
        for (const task of tasks) {
          const result = await run(bytes, turned, task);
          length += result.length;
          if (out && first && iteration === 0) results.push(result);
        }
        const took = performance.now() - wall;
        const { user, system } = process.cpuUsage(cpu);
        lines.push(`${took.toFixed(3)} ${((user + system) / 1000).toFixed(3)} ${length}`);
        for (const [index, result] of results.entries()) {
          await fs.writeFile(results.length > 1 ? `${out}.${index}` : out, result);
        }
      }
    };
    await Promise.all(Array.from({ length: threads }, (_, index) => work(index === 0)));
    if (lines.length > 0) console.log(lines.join('\n'));
    // The usual maxRSS begins with the peak of the process that started this one.
    console.error(`peak RSS ${await memory('VmHWM')} KiB, ${idle} KiB idle`);
  },

  async decode(file, out) {
    const bytes = await fs.readFile(file);
    const image = open(bytes, true).toColourspace('srgb');
    const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
    await fs.writeFile(out, data);
    console.log(JSON.stringify({ width: info.width, height: info.height, channels: info.channels }));
  },

  async encode(raw, shape, format, options, out) {
    const data = await fs.readFile(raw);
    const image = sharp(data, { raw: JSON.parse(shape), limitInputPixels: false });
    await fs.writeFile(out, await image.toFormat(format, JSON.parse(options)).toBuffer());
  },

  async describe(...files) {
    const found = [];
    for (const file of files) {
      try {
        const { format, width, height, hasAlpha } = await sharp(file).metadata();
        found.push({ file, format, width, height, alpha: hasAlpha });
      } catch {
        // What sharp can't read is no picture for this benchmark.
      }
    }
    console.log(JSON.stringify(found));
  },

  async version() {
    console.log(JSON.stringify({ sharp: sharp.versions.sharp, libvips: sharp.versions.vips }));
  },
};

const [, , name, ...rest] = process.argv;
await commands[name](...rest);
