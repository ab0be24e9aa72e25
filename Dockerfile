# syntax=docker/dockerfile:1
# The server and the worker in one image, which holds nothing else that runs.

FROM rust:1.95-bookworm AS build
# What the codecs are built with; any version that Debian 12 has will do.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends cmake nasm \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# Neither the registry nor what was built before is fetched or built again.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked -p pixmill-server -p pixmill-worker \
    && install -D --target-directory=/out target/release/pixmill-server target/release/pixmill-worker \
    && install -d -m 0700 /out/data /out/secrets

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/pixmill-server /out/pixmill-worker /usr/local/bin/
# Folders for volumes belong to the user that writes there.
COPY --from=build --chown=nonroot:nonroot /out/data /data
COPY --from=build --chown=nonroot:nonroot /out/secrets /secrets
ENV HOST=0.0.0.0 PORT=3000 PIXMILL_DATA_DIR=/data
WORKDIR /
# "nonroot"
USER 65532:65532
EXPOSE 3000
VOLUME ["/data"]
HEALTHCHECK --interval=10s --timeout=10s --start-period=20s CMD ["pixmill-server", "health"]
CMD ["pixmill-server"]
