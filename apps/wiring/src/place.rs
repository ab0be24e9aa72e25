//! Where the bytes of the images in a data folder are. A folder remembers it, because a server that looked elsewhere would
//! find none of them.

use std::fs;
use std::io;
use std::path::Path;

/// Name of the file in the data folder.
const FILE: &str = "blobs-are-in";
const FOLDER: &str = "this folder";
/// Name of the file with the name of the data folder.
const NAME: &str = "folder-name";

/// Notes where the bytes are, or says why the folder can't be used with them there. The caller holds the folder's lock.
pub(crate) fn claim(data_dir: &Path, bucket: Option<String>) -> io::Result<Result<(), String>> {
    let wanted = bucket.unwrap_or_else(|| FOLDER.to_owned());
    let path = data_dir.join(FILE);
    let noted = match fs::read_to_string(&path) {
        Ok(noted) => noted.trim().to_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if is_empty(&data_dir.join("blobs"))? {
                fs::write(&path, format!("{wanted}\n"))?;
                return Ok(Ok(()));
            }
            FOLDER.to_owned()
        }
        Err(error) => return Err(error),
    };
    if noted == wanted {
        return Ok(Ok(()));
    }
    Ok(Err(format!(
        "the images of the data folder {} are in {noted}, not in {wanted}; correct AWS_BUCKET_NAME and \
         AWS_ENDPOINT_URL, or copy the files there and write the new place into {}",
        data_dir.display(),
        path.display()
    )))
}

/// The folder by a name of its own, for a database whose images it keeps. The name stays when the folder is moved.
pub(crate) fn folder(data_dir: &Path) -> io::Result<String> {
    let path = data_dir.join(NAME);
    match fs::read_to_string(&path) {
        Ok(name) if !name.trim().is_empty() => return Ok(format!("the data folder {}", name.trim())),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    let name = hex::encode(bytes);
    fs::write(&path, format!("{name}\n"))?;
    Ok(format!("the data folder {name}"))
}

/// Where the bytes are, if they are not in the folder.
pub(crate) fn elsewhere(data_dir: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(data_dir.join(FILE)) {
        Ok(noted) => Ok(Some(noted.trim().to_owned()).filter(|noted| noted != FOLDER)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Notes in the copy of a data folder what the original has noted.
pub(crate) fn copy(data_dir: &Path, target: &Path) -> io::Result<()> {
    match fs::copy(data_dir.join(FILE), target.join(FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether no file lies below `folder`.
fn is_empty(folder: &Path) -> io::Result<bool> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if !entry.file_type()?.is_dir() || !is_empty(&entry.path())? {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_stays_with_the_place_that_it_began_with() {
        let folder = tempfile::tempdir().unwrap();
        let bucket = || Some("the bucket a at b".to_owned());
        assert_eq!(claim(folder.path(), bucket()).unwrap(), Ok(()));
        assert_eq!(claim(folder.path(), bucket()).unwrap(), Ok(()));
        let refused = claim(folder.path(), None).unwrap().unwrap_err();
        assert!(refused.contains("are in the bucket a at b, not in this folder"), "{refused}");
        assert_eq!(elsewhere(folder.path()).unwrap(), bucket());

        let target = tempfile::tempdir().unwrap();
        copy(folder.path(), target.path()).unwrap();
        assert_eq!(elsewhere(target.path()).unwrap(), bucket());
    }

    #[test]
    fn a_folder_keeps_its_name() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let name = folder(one.path()).unwrap();
        assert_eq!(folder(one.path()).unwrap(), name);
        assert_ne!(folder(other.path()).unwrap(), name);
    }

    #[test]
    fn a_folder_from_before_keeps_its_files() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("blobs/images/ab")).unwrap();
        fs::write(folder.path().join("blobs/images/ab/original"), "x").unwrap();
        assert!(claim(folder.path(), Some("the bucket a at b".to_owned())).unwrap().is_err());
        assert_eq!(claim(folder.path(), None).unwrap(), Ok(()));
        assert_eq!(elsewhere(folder.path()).unwrap(), None);
        copy(folder.path(), folder.path()).unwrap();
    }
}
