//! Values that belong to a moment, and sent codes.

use std::time::Duration;

use async_trait::async_trait;
use data_encoding::BASE64URL_NOPAD;

use super::connection::of_type;
use super::metrics::Verb;
use super::{Redis, STORE, millis};
use crate::auth::factor::authenticator::Sealed;
use crate::flow::ports::{
    Answer, Attempted, CodeDigest, OneTimeCodes, RECORD_VERSION, StoreError, Taken, Transient, TransientKind,
};
use crate::store::record_cipher::{from_text, to_text};
use crate::store::unreadable::{ReadError, Unreadable};

const CODE: &str = "o1:";

#[async_trait]
impl Transient for Redis {
    async fn put(&self, kind: TransientKind, key: &str, value: &Sealed, ttl: Duration) -> Answer<()> {
        let mut call = self.scripts.put.prepare_invoke();
        call.key(self.key(kind.prefix(), key)).arg(to_text(kind.sized(value)?)).arg(millis(ttl)).arg(RECORD_VERSION);
        if self.invoke(Verb::Put, call).await? {
            return Ok(());
        }
        Err(StoreError::new(STORE, "a later version of this program keeps a value there"))
    }

    async fn put_new(&self, kind: TransientKind, key: &str, value: &Sealed, ttl: Duration) -> Answer<Sealed> {
        let text = to_text(kind.sized(value)?);
        // What lies there and cannot be read makes room.
        if let Err((text, why)) = self.held(kind, key).await? {
            self.remove(kind, key, &text, &why).await?;
        }
        let kept = self.insert(kind, key, &text, ttl).await?;
        Ok(from_text(&kept).map_err(|why| why.with(|why| kind.broken(why)))?)
    }

    async fn load(&self, kind: TransientKind, key: &str) -> Answer<Option<Sealed>> {
        match self.held(kind, key).await? {
            Ok(held) => Ok(held),
            Err((_, why)) if kind.outlives_damage() => {
                self.report(kind, key, &why);
                Err(StoreError::unreadable(why.cause))
            }
            Err((text, why)) => self.remove(kind, key, &text, &why).await.map(|()| None),
        }
    }

    async fn take(&self, kind: TransientKind, key: &str) -> Answer<Option<Taken>> {
        let mut call = self.scripts.take.prepare_invoke();
        call.key(self.key(kind.prefix(), key)).arg(RECORD_VERSION);
        let held: Option<(Option<Vec<u8>>, i64)> = self.invoke(Verb::Take, call).await?;
        let (text, left) = match held {
            None => return Ok(None),
            Some((Some(text), left)) => (text, left),
            Some((None, _)) => {
                self.report(kind, key, &kind.broken("a value of another type lies there"));
                return Ok(None);
            }
        };
        match from_text(&text) {
            Ok(value) => {
                let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
                return Ok(Some(Taken { value, ends_at: self.clock.now().plus(left) }));
            }
            Err(ReadError::Newer(version)) => self.cipher.left_alone(key, version),
            Err(ReadError::Broken(why)) => self.report(kind, key, &kind.broken(why.cause)),
        }
        Ok(None)
    }

    async fn put_back(&self, kind: TransientKind, key: &str, taken: &Taken) -> Answer<bool> {
        let left = taken.ends_at.since(self.clock.now());
        if left.is_zero() {
            return Ok(false);
        }
        let text = to_text(kind.sized(&taken.value)?);
        Ok(self.insert(kind, key, &text, left).await? == text.into_bytes())
    }

    async fn compare_and_set(
        &self,
        kind: TransientKind,
        key: &str,
        old: &Sealed,
        new: &Sealed,
        ttl: Duration,
    ) -> Answer<bool> {
        let mut call = self.scripts.compare_and_set.prepare_invoke();
        call.key(self.key(kind.prefix(), key)).arg(to_text(old)).arg(to_text(kind.sized(new)?)).arg(millis(ttl));
        self.invoke(Verb::Put, call).await
    }

    async fn discard(&self, kind: TransientKind, key: &str, value: &Sealed, why: &StoreError) -> Answer<()> {
        self.remove(kind, key, to_text(value).as_bytes(), why).await
    }

    fn report(&self, kind: TransientKind, key: &str, why: &StoreError) {
        self.cipher.report(Unreadable::Transient(kind), key, why);
    }
}

#[async_trait]
impl OneTimeCodes for Redis {
    async fn put(&self, key: &str, code: CodeDigest, attempts: u32, ttl: Duration) -> Answer<bool> {
        let mut call = self.scripts.put_code.prepare_invoke();
        call.key(self.key(CODE, &self.cipher.code(key)));
        call.arg(BASE64URL_NOPAD.encode(&code.0)).arg(attempts).arg(millis(ttl));
        self.invoke(Verb::Put, call).await
    }

    async fn attempt(&self, key: &str, code: CodeDigest) -> Answer<Attempted> {
        const RIGHT: i64 = -3;
        const UNREADABLE: i64 = -2;
        let name = self.cipher.code(key);
        let mut call = self.scripts.attempt.prepare_invoke();
        call.key(self.key(CODE, &name)).arg(BASE64URL_NOPAD.encode(&code.0));
        let answer: i64 = self.invoke(Verb::Attempt, call).await?;
        if answer == UNREADABLE {
            self.cipher.report(Unreadable::Code, &name, &StoreError::new(STORE, "it is no digest with a count"));
        }
        Ok(match u32::try_from(answer) {
            Ok(left) => Attempted::Wrong { left },
            Err(_) if answer == RIGHT => Attempted::Right,
            Err(_) => Attempted::Absent,
        })
    }

    async fn good_for(&self, key: &str) -> Answer<Option<Duration>> {
        let mut call = self.scripts.good_for.prepare_invoke();
        call.key(self.key(CODE, &self.cipher.code(key)));
        let left: i64 = self.invoke(Verb::Peek, call).await?;
        Ok(u64::try_from(left).ok().filter(|left| *left > 0).map(Duration::from_millis))
    }
}

impl Redis {
    /// What lies there, or what cannot be read and why.
    async fn held(&self, kind: TransientKind, key: &str) -> Answer<Result<Option<Sealed>, (Vec<u8>, StoreError)>> {
        let mut cmd = ::redis::cmd("GET");
        cmd.arg(self.key(kind.prefix(), key));
        let held: Answer<Option<Vec<u8>>> =
            self.connection.run(Verb::Peek, |mut c| async move { of_type(cmd.query_async(&mut c).await) }).await?;
        Ok(match held {
            Ok(None) => Ok(None),
            Ok(Some(text)) => match from_text(&text) {
                Ok(sealed) => Ok(Some(sealed)),
                Err(ReadError::Newer(version)) => {
                    self.cipher.left_alone(key, version);
                    Ok(None)
                }
                Err(ReadError::Broken(why)) => Err((text, kind.broken(why.cause))),
            },
            Err(why) => Err((Vec::new(), why)),
        })
    }

    /// Keeps a text unless one is there; answers the one that is.
    async fn insert(&self, kind: TransientKind, key: &str, text: &str, ttl: Duration) -> Answer<Vec<u8>> {
        let mut call = self.scripts.keep.prepare_invoke();
        call.key(self.key(kind.prefix(), key)).arg(text).arg(millis(ttl));
        let kept: Option<Vec<u8>> = self.invoke(Verb::Keep, call).await?;
        kept.ok_or_else(|| kind.broken("it was not kept"))
    }

    /// Takes away what could not be read, unless another value lies there by now, and reports it.
    async fn remove(&self, kind: TransientKind, key: &str, text: &[u8], why: &StoreError) -> Answer<()> {
        let mut call = self.scripts.discard.prepare_invoke();
        call.key(self.key(kind.prefix(), key)).arg(text);
        if self.invoke(Verb::Peek, call).await? {
            self.report(kind, key, why);
        }
        Ok(())
    }
}
