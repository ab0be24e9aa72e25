//! The fonts that texts are written in: the one that is built in, and for what it lacks those that the program was given.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::{fs, io};

use cosmic_text::FontSystem;
use fontdb::{Database, Source};

static BUILT_IN: &[u8] = include_bytes!("../../../../assets/NotoSans-Regular.ttf");
/// The ends of the names of font files.
const ENDINGS: [&str; 4] = ["ttf", "otf", "ttc", "otc"];
/// Folders inside each other; a link may lead back up.
const DEPTH: usize = 16;

/// Font files, in the order in which they are asked.
static FALLBACKS: OnceLock<Vec<PathBuf>> = OnceLock::new();
static DATABASE: OnceLock<Database> = OnceLock::new();

/// Why no other fonts are used.
#[derive(Debug, thiserror::Error)]
pub enum FontsError {
    /// The folder, or one in it, can't be read.
    #[error("the fonts in {} can't be read: {source}", folder.display())]
    Unreadable {
        /// Which one.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no font.
    #[error("there are no font files (.ttf, .otf, .ttc, .otc) in {}", .0.display())]
    None(PathBuf),
    /// Texts are being written already, or another folder was given before.
    #[error("the fonts must be given once, before the first text is written")]
    TooLate,
}

/// From now on letters that the built-in font lacks are written in the first font below `folder` that has them, in the order of
/// the files' names. The files are mapped into memory when they are needed and must not be changed in place. For the whole
/// program, once, before the first text.
pub fn use_fonts(folder: &Path) -> Result<(), FontsError> {
    let mut files = Vec::new();
    collect(folder, DEPTH, &mut files)
        .map_err(|source| FontsError::Unreadable { folder: folder.to_owned(), source })?;
    if files.is_empty() {
        return Err(FontsError::None(folder.to_owned()));
    }
    files.sort();
    if DATABASE.get().is_some() || FALLBACKS.set(files).is_err() {
        return Err(FontsError::TooLate);
    }
    Ok(())
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if path.is_dir() {
            if depth > 0 {
                collect(&path, depth - 1, files)?;
            }
        } else if ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)) {
            files.push(path);
        }
    }
    Ok(())
}

/// Runs `work` with this thread's fonts. They are looked through once. None is looked at that the program was not given, so that
/// the same text looks the same everywhere.
pub(super) fn with_fonts<T>(work: impl FnOnce(&mut FontSystem) -> T) -> T {
    thread_local! {
        static FONTS: RefCell<FontSystem> = RefCell::new(system(DATABASE.get_or_init(|| {
            database(FALLBACKS.get().map(Vec::as_slice).unwrap_or_default())
        })));
    }
    FONTS.with_borrow_mut(work)
}

fn system(database: &Database) -> FontSystem {
    FontSystem::new_with_locale_and_db("en-US".into(), database.clone())
}

fn database(fallbacks: &[PathBuf]) -> Database {
    let mut database = Database::new();
    database.load_font_source(Source::Binary(Arc::new(BUILT_IN)));
    database.set_sans_serif_family("Noto Sans");
    for file in fallbacks {
        // One that can't be read is not there for anybody: its letters show as boxes, which is what there is to see.
        let _ = database.load_font_file(file);
    }
    database
}
