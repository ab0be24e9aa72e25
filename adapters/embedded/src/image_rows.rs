//! The statements behind [`SqliteImages`](crate::SqliteImages). Stages are literals (0 reserved, 1 present,
//! 2 deleted), because SQLite uses a partial index only if the query shows its condition.

use std::time::Duration;

use pixmill::{
    BlobKey, Content, History, Image, ImageId, JobId, NewVersion, Step, Stepped, Timestamp, UserId, Version,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::columns::{Cursor, count, image_id, job_id, millis, timestamp, user_id};
use crate::error::DatabaseError;

type Result<T> = std::result::Result<T, DatabaseError>;

/// An image beside its current version, in the order that `read_image` expects.
const SELECT_IMAGE: &str = "
    SELECT v.number, v.parent, v.job, v.content, v.created_at, v.description, i.id, i.owner, i.created_at, i.undone
    FROM images i JOIN versions v ON v.image = i.id AND v.number = i.current
    WHERE i.stage = 1";

/// A version, in the order that `read_version` expects.
const SELECT_VERSION: &str = "
    SELECT v.number, v.parent, v.job, v.content, v.created_at, v.description
    FROM versions v JOIN images i ON i.id = v.image
    WHERE i.stage = 1 AND v.image = ?";

pub(crate) fn reserve(connection: &Connection, id: ImageId, due_at: Timestamp) -> Result<()> {
    let sql = "INSERT INTO images (id, stage, due_at) VALUES (?, 0, ?)
               ON CONFLICT (id) DO UPDATE SET due_at = excluded.due_at WHERE stage = 0";
    connection.prepare_cached(sql)?.execute(params![id.as_bytes(), millis(due_at)])?;
    Ok(())
}

pub(crate) fn renew(connection: &Connection, id: ImageId, now: Timestamp, ttl: Duration) -> Result<bool> {
    let sql = "UPDATE images SET due_at = ? WHERE id = ? AND stage = 0 AND due_at > ?";
    let renewed =
        connection.prepare_cached(sql)?.execute(params![millis(now + ttl), id.as_bytes(), millis(now)])?;
    Ok(renewed == 1)
}

pub(crate) fn insert(connection: &Connection, image: &Image, now: Timestamp) -> Result<bool> {
    let Image { id, owner, created_at, current, redo: _ } = image;
    let sql = "UPDATE images SET stage = 1, owner = ?1, created_at = ?2, current = ?4, next_number = ?4 + 1,
                                 due_at = NULL
               WHERE id = ?3 AND stage = 0 AND due_at > ?5";
    let present = connection.prepare_cached(sql)?.execute(params![
        owner.as_bytes(),
        millis(*created_at),
        id.as_bytes(),
        current.number,
        millis(now),
    ])?;
    if present == 1 {
        insert_version(connection, *id, current)?;
    }
    Ok(present == 1)
}

pub(crate) fn get(connection: &Connection, owner: UserId, id: ImageId) -> Result<Option<Image>> {
    let sql = format!("{SELECT_IMAGE} AND i.id = ? AND i.owner = ?");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![id.as_bytes(), owner.as_bytes()])?;
    rows.next()?.map(read_image).transpose()
}

pub(crate) fn list(
    connection: &Connection,
    owner: UserId,
    after: Option<ImageId>,
    limit: i64,
) -> Result<Vec<Image>> {
    let Some(cursor) = cursor(connection, owner, after)? else { return Ok(Vec::new()) };
    let sql = format!(
        "{SELECT_IMAGE} AND i.owner = ? AND (i.created_at, i.id) < (?, ?)
         ORDER BY i.created_at DESC, i.id DESC LIMIT ?"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![owner.as_bytes(), cursor.created_at, cursor.id, limit])?;
    let mut images = Vec::new();
    while let Some(row) = rows.next()? {
        images.push(read_image(row)?);
    }
    Ok(images)
}

/// The place of an image in its owner's list. Deleted ones are known until they are purged.
fn cursor(connection: &Connection, owner: UserId, after: Option<ImageId>) -> Result<Option<Cursor>> {
    let Some(id) = after else { return Ok(Some(Cursor::start())) };
    let created_at = connection
        .prepare_cached("SELECT created_at FROM images WHERE id = ? AND owner = ?")?
        .query_row(params![id.as_bytes(), owner.as_bytes()], |row| row.get(0))
        .optional()?;
    Ok(created_at.map(|created_at| Cursor { created_at, id: id.as_bytes().to_vec() }))
}

pub(crate) fn version(connection: &Connection, id: ImageId, number: u32) -> Result<Option<Version>> {
    let sql = format!("{SELECT_VERSION} AND v.number = ?");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![id.as_bytes(), number])?;
    rows.next()?.map(read_version).transpose()
}

pub(crate) fn versions(connection: &Connection, id: ImageId) -> Result<Vec<Version>> {
    let sql = format!("{SELECT_VERSION} ORDER BY v.number");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![id.as_bytes()])?;
    let mut versions = Vec::new();
    while let Some(row) = rows.next()? {
        versions.push(read_version(row)?);
    }
    Ok(versions)
}

/// How many images a user has, and the bytes of all their versions.
pub(crate) fn usage(connection: &Connection, owner: UserId) -> Result<(u64, u64)> {
    let sql = "SELECT count(DISTINCT i.id), ifnull(sum(json_extract(v.content, '$.bytes')), 0)
               FROM images i JOIN versions v ON v.image = i.id
               WHERE i.stage = 1 AND i.owner = ?";
    let row = |row: &Row<'_>| Ok((count(row, 0)?, count(row, 1)?));
    Ok(connection.prepare_cached(sql)?.query_row([owner.as_bytes()], row)?)
}

pub(crate) fn add_version(
    connection: &Connection,
    version: &NewVersion,
    now: Timestamp,
) -> Result<Option<u32>> {
    let NewVersion { image, job, parent, content, description } = version;
    let next = connection
        .prepare_cached("SELECT next_number FROM images WHERE id = ? AND stage = 1")?
        .query_row(params![image.as_bytes()], |row| row.get::<_, u32>(0))
        .optional()?;
    let Some(number) = next else { return Ok(None) };
    let known = connection
        .prepare_cached("SELECT number, content FROM versions WHERE image = ? AND job = ?")?
        .query_row(params![image.as_bytes(), job.as_bytes()], |row| {
            Ok((row.get::<_, u32>(0)?, row.get::<_, String>(1)?))
        })
        .optional()?;
    if let Some((known, stored)) = known {
        let stored: Content = serde_json::from_str(&stored)?;
        if !content.blob.is_later_than(&stored.blob) {
            return Ok(Some(known));
        }
        drop_version(connection, *image, &stored.blob)?;
    }
    let version = Version {
        number,
        parent: Some(*parent),
        job: Some(*job),
        content: content.clone(),
        description: description.clone(),
        created_at: now,
    };
    insert_version(connection, *image, &version)?;
    connection
        .prepare_cached("UPDATE images SET next_number = ? WHERE id = ?")?
        .execute(params![number + 1, image.as_bytes()])?;
    write_history(connection, *image, &History::at(number))?;
    Ok(Some(number))
}

pub(crate) fn drop_version(connection: &Connection, id: ImageId, blob: &BlobKey) -> Result<()> {
    let all = versions(connection, id)?;
    let Some(dropped) = all.iter().find(|version| version.content.blob == *blob) else { return Ok(()) };
    let history = history(connection, id)?;
    connection
        .prepare_cached("DELETE FROM versions WHERE image = ? AND number = ?")?
        .execute(params![id.as_bytes(), dropped.number])?;
    let left: Vec<_> = all.iter().filter(|version| version.number != dropped.number).cloned().collect();
    write_history(connection, id, &history.without(dropped, &left))
}

pub(crate) fn step(connection: &Connection, owner: UserId, id: ImageId, step: Step) -> Result<Stepped> {
    if get(connection, owner, id)?.is_none() {
        return Ok(Stepped::NoImage);
    }
    let Some(next) = history(connection, id)?.step(step, &versions(connection, id)?) else {
        return Ok(step.refused());
    };
    write_history(connection, id, &next)?;
    Ok(get(connection, owner, id)?.map_or(Stepped::NoImage, |image| Stepped::Moved(Box::new(image))))
}

/// The history of a present image.
fn history(connection: &Connection, id: ImageId) -> Result<History> {
    let mut statement = connection.prepare_cached("SELECT current, undone FROM images WHERE id = ?")?;
    let mut rows = statement.query(params![id.as_bytes()])?;
    let row = rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    Ok(History { current: row.get(0)?, undone: read_undone(row, 1)? })
}

fn write_history(connection: &Connection, id: ImageId, history: &History) -> Result<()> {
    let History { current, undone } = history;
    connection.prepare_cached("UPDATE images SET current = ?, undone = ? WHERE id = ?")?.execute(params![
        current,
        serde_json::to_string(undone)?,
        id.as_bytes()
    ])?;
    Ok(())
}

fn read_undone(row: &Row<'_>, column: usize) -> Result<Vec<u32>> {
    Ok(serde_json::from_str(&row.get::<_, String>(column)?)?)
}

pub(crate) fn delete(connection: &Connection, owner: UserId, id: ImageId, due_at: Timestamp) -> Result<bool> {
    let sql =
        "UPDATE images SET stage = 2, current = NULL, due_at = ? WHERE id = ? AND owner = ? AND stage = 1";
    let deleted =
        connection.prepare_cached(sql)?.execute(params![millis(due_at), id.as_bytes(), owner.as_bytes()])?;
    if deleted == 1 {
        connection.prepare_cached("DELETE FROM versions WHERE image = ?")?.execute(params![id.as_bytes()])?;
    }
    Ok(deleted == 1)
}

/// Lists what is due, and turns the reservations in the list into deleted images.
pub(crate) fn due_removals(connection: &Connection, now: Timestamp, limit: i64) -> Result<Vec<ImageId>> {
    let sql = "SELECT id, stage FROM images WHERE due_at <= ? ORDER BY due_at LIMIT ?";
    let due = connection
        .prepare_cached(sql)?
        .query_map(params![millis(now), limit], |row| Ok((image_id(row, 0)?, row.get::<_, i64>(1)? == 0)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut end = connection.prepare_cached("UPDATE images SET stage = 2 WHERE id = ?")?;
    for (id, _) in due.iter().filter(|(_, reserved)| *reserved) {
        end.execute(params![id.as_bytes()])?;
    }
    Ok(due.into_iter().map(|(id, _)| id).collect())
}

pub(crate) fn purge(connection: &Connection, id: ImageId) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM images WHERE id = ? AND stage <> 1")?
        .execute(params![id.as_bytes()])?;
    Ok(())
}

fn insert_version(connection: &Connection, image: ImageId, version: &Version) -> Result<()> {
    let Version { number, parent, job, content, description, created_at } = version;
    let sql = "INSERT INTO versions (image, number, parent, job, content, created_at, description)
               VALUES (?, ?, ?, ?, ?, ?, ?)";
    connection.prepare_cached(sql)?.execute(params![
        image.as_bytes(),
        number,
        parent,
        job.as_ref().map(JobId::as_bytes),
        serde_json::to_string(content)?,
        millis(*created_at),
        description.as_ref().map(serde_json::to_string).transpose()?,
    ])?;
    Ok(())
}

fn read_image(row: &Row<'_>) -> Result<Image> {
    Ok(Image {
        id: image_id(row, 6)?,
        owner: user_id(row, 7)?,
        created_at: timestamp(row, 8)?,
        current: read_version(row)?,
        redo: read_undone(row, 9)?.last().copied(),
    })
}

fn read_version(row: &Row<'_>) -> Result<Version> {
    let job = if row.get_ref(2)? == rusqlite::types::ValueRef::Null { None } else { Some(job_id(row, 2)?) };
    Ok(Version {
        number: row.get(0)?,
        parent: row.get(1)?,
        job,
        content: serde_json::from_str(&row.get::<_, String>(3)?)?,
        created_at: timestamp(row, 4)?,
        description: row
            .get::<_, Option<String>>(5)?
            .map(|description| serde_json::from_str(&description))
            .transpose()?,
    })
}
