//! Tokens in the database.

use deadpool_postgres::Object;
use tokio_postgres::{Error, Row};

use super::rows::number;
use crate::token::{Scope, Token};

pub(super) async fn add(client: &Object, token: &Token) -> Result<(), Error> {
    let Token { id, name, scope, check, created } = token;
    let insert = "INSERT INTO tokens (id, name, scope, check_with, created) VALUES ($1, $2, $3, $4, $5)";
    let (check, created) = (check.as_slice(), *created as i64);
    client.execute(insert, &[id, name, &scope.as_str(), &check, &created]).await?;
    Ok(())
}

/// One of a scope that a newer Brooklet knows allows nothing here.
pub(super) fn token(row: &Row) -> Option<Token> {
    let (scope, check): (&str, &[u8]) = (row.get(2), row.get(3));
    let (scope, check): (Scope, _) = (scope.parse().ok()?, check.try_into().ok()?);
    Some(Token { id: row.get(0), name: row.get(1), scope, check, created: number(row, 4) })
}
