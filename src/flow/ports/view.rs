//! Typed views over values that belong to a moment: a value is sealed for its kind and its key, so that it opens nowhere else.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::transient::{Taken, Transient, TransientKind, Typed};
use super::{Answer, RECORD_VERSION, Vault};
use crate::auth::factor::authenticator::Sealed;

/// The values of one type.
pub struct View<T> {
    transient: Arc<dyn Transient>,
    vault: Arc<dyn Vault>,
    of: PhantomData<fn() -> T>,
}

/// One value exactly as it lies in the store: no two writes of one value are the same, for each is sealed anew.
pub struct Held<T> {
    sealed: Sealed,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for View<T> {
    fn clone(&self) -> Self {
        Self { transient: self.transient.clone(), vault: self.vault.clone(), of: PhantomData }
    }
}

impl<T: Typed> View<T> {
    /// Over a store, sealed by a vault.
    pub fn new(transient: Arc<dyn Transient>, vault: Arc<dyn Vault>) -> Self {
        Self { transient, vault, of: PhantomData }
    }

    /// Keeps a value (new or moved on) until `ttl` has passed.
    ///
    /// # Errors
    /// The store did not answer, or the value is too large.
    pub async fn put(&self, key: &T::Key, value: &T, ttl: Duration) -> Answer<()> {
        let name = T::name(key);
        let sealed = self.seal(&name, value)?;
        self.transient.put(T::KIND, &name, &sealed, ttl).await
    }

    /// Keeps a value unless one is there; answers the one that is kept now.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub async fn put_new(&self, key: &T::Key, value: &T, ttl: Duration) -> Answer<T> {
        let name = T::name(key);
        let sealed = self.seal(&name, value)?;
        let kept = self.transient.put_new(T::KIND, &name, &sealed, ttl).await?;
        match self.open(&name, &kept) {
            Ok(value) => return Ok(value),
            // What lies there and does not open makes room.
            Err(why) => self.transient.discard(T::KIND, &name, &kept, &why).await?,
        }
        let kept = self.transient.put_new(T::KIND, &name, &sealed, ttl).await?;
        self.open(&name, &kept)
    }

    /// Reads one without ending it.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn load(&self, key: &T::Key) -> Answer<Option<T>> {
        Ok(self.load_held(key).await?.map(|(value, _)| value))
    }

    /// The same, with what [`Self::compare_and_set`] compares.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub async fn load_held(&self, key: &T::Key) -> Answer<Option<(T, Held<T>)>> {
        let name = T::name(key);
        let Some(sealed) = self.transient.load(T::KIND, &name).await? else { return Ok(None) };
        match self.open(&name, &sealed) {
            Ok(value) => Ok(Some((value, Held { sealed, of: PhantomData }))),
            Err(why) if T::KIND.outlives_damage() => {
                self.transient.report(T::KIND, &name, &why);
                Err(why)
            }
            Err(why) => self.transient.discard(T::KIND, &name, &sealed, &why).await.map(|()| None),
        }
    }

    /// Ends one; only the first caller gets it.
    ///
    /// # Errors
    /// The store did not answer; it may have ended.
    pub async fn take(&self, key: &T::Key) -> Answer<Option<T>> {
        Ok(self.take_whole(key).await?.map(|(value, _)| value))
    }

    /// The same, with what puts it back.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub async fn take_whole(&self, key: &T::Key) -> Answer<Option<(T, Taken)>> {
        let name = T::name(key);
        let Some(taken) = self.transient.take(T::KIND, &name).await? else { return Ok(None) };
        let read = self.open(&name, &taken.value);
        let read = read.inspect_err(|why| self.transient.report(T::KIND, &name, why)).ok();
        Ok(read.map(|value| (value, taken)))
    }

    /// Keeps what was taken for the rest of its life; `false` if another value is there by now, or that life is over.
    ///
    /// # Errors
    /// The store did not answer; it may be kept.
    pub async fn put_back(&self, key: &T::Key, taken: &Taken) -> Answer<bool> {
        self.transient.put_back(T::KIND, &T::name(key), taken).await
    }

    /// Keeps a value until `ttl` has passed in place of exactly the one that was held, and answers what is held now; `None`, and
    /// nothing changes, where anything else is there by now, or nothing.
    ///
    /// # Errors
    /// The store did not answer, or the value is too large; it may be kept.
    pub async fn compare_and_set(
        &self,
        key: &T::Key,
        old: &Held<T>,
        new: &T,
        ttl: Duration,
    ) -> Answer<Option<Held<T>>> {
        let name = T::name(key);
        let sealed = self.seal(&name, new)?;
        let is_set = self.transient.compare_and_set(T::KIND, &name, &old.sealed, &sealed, ttl).await?;
        Ok(is_set.then_some(Held { sealed, of: PhantomData }))
    }

    fn seal(&self, name: &str, value: &T) -> Answer<Sealed> {
        self.vault.seal(&context::<T>(name), &value.encode()?)
    }

    fn open(&self, name: &str, sealed: &Sealed) -> Answer<T> {
        let opened = self.vault.open(&context::<T>(name), sealed);
        opened.and_then(|plain| T::decode(&plain)).map_err(|fault| T::KIND.broken(fault.cause))
    }
}

fn context<T: Typed>(name: &str) -> String {
    record_context(T::KIND, name)
}

/// What a value is sealed for.
pub fn record_context(kind: TransientKind, name: &str) -> String {
    format!("state:{}:{}:{name}", kind.name(), RECORD_VERSION)
}
