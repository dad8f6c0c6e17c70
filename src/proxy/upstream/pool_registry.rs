//! The servers that are watched over, by app. They outlive a snapshot: while the settings of an app's servers stay the
//! same, so do its addresses, their health, the kept connections and whose turn it is.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::pool::Pool;
use crate::proxy::observe::metrics::Metrics;
use crate::proxy::parts::BuildError;
use crate::proxy::settings::AppSettings;

/// By the host of the app.
type ByHost = HashMap<String, WatchedPool>;

/// The pools in use.
pub(crate) struct PoolRegistry {
    metrics: Arc<Metrics>,
    watched: Mutex<ByHost>,
    stop: watch::Sender<bool>,
}

struct WatchedPool {
    pool: Arc<Pool>,
    task: JoinHandle<()>,
}

impl PoolRegistry {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, watched: Mutex::default(), stop: watch::Sender::new(false) }
    }

    pub(crate) const fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    fn watched(&self) -> MutexGuard<'_, ByHost> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The servers of an app: those in use, if these settings are theirs, or new ones.
    ///
    /// # Errors
    /// Names the file or the value at fault.
    pub(crate) fn pool(&self, app: &AppSettings, tunnel_idle: std::time::Duration) -> Result<Arc<Pool>, BuildError> {
        // Made in any case: a file of authorities may have changed under its name.
        let new = Pool::new(app, tunnel_idle, self.metrics.clone())?;
        let watched = self.watched();
        let same = watched.get(&app.host).filter(|known| known.pool.has_same_settings(&new));
        Ok(same.map_or_else(|| Arc::new(new), |known| known.pool.clone()))
    }

    /// Looks up the servers that are not watched over yet. An address that was found to be down is not tried first.
    pub(crate) async fn resolve(&self, pools: impl Iterator<Item = &Arc<Pool>>) {
        let known: HashMap<String, Arc<Pool>> =
            self.watched().iter().map(|(host, known)| (host.clone(), known.pool.clone())).collect();
        let is_new = |pool: &&Arc<Pool>| known.get(&pool.app).is_none_or(|known| !Arc::ptr_eq(known, pool));
        join_all(pools.filter(is_new).map(|pool| async {
            pool.resolve().await;
            if let Some(known) = known.get(&pool.app) {
                pool.adopt_health(known);
            }
        }))
        .await;
    }

    /// Watches over nothing any more.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Watches over these pools from now on, and over no others.
    pub(crate) async fn watch(&self, pools: impl Iterator<Item = &Arc<Pool>>) {
        let mut retired = Vec::new();
        let mut named = HashSet::new();
        {
            let mut watched = self.watched();
            let mut before = std::mem::take(&mut *watched);
            for pool in pools {
                named.extend(pool.server_names().map(|name| (pool.app.clone(), name)));
                let kept = match before.remove(&pool.app) {
                    Some(known) if Arc::ptr_eq(&known.pool, pool) => known,
                    other => {
                        retired.extend(other);
                        WatchedPool {
                            pool: pool.clone(),
                            task: tokio::spawn(pool.clone().watch(self.stop.subscribe())),
                        }
                    }
                };
                watched.insert(pool.app.clone(), kept);
            }
            retired.extend(before.into_values());
        }
        for WatchedPool { pool, task } in retired {
            task.abort();
            // Over, one way or the other: it tells of no health any more.
            let _ = task.await;
            for name in pool.server_names() {
                let label = (pool.app.clone(), name);
                if !named.contains(&label) {
                    // One that was never told of is no fault.
                    let _ = self.metrics.upstream_up.remove_label_values(&[&label.0, &label.1]);
                }
            }
        }
    }
}

impl Drop for PoolRegistry {
    fn drop(&mut self) {
        self.watched().values().for_each(|known| known.task.abort());
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    use super::*;
    use crate::auth::time::Timestamp;

    const IDLE: Duration = Duration::from_secs(60);

    fn app(servers: &[SocketAddr]) -> AppSettings {
        crate::proxy::tests::settings(servers).apps.remove(0)
    }

    #[tokio::test]
    async fn servers_of_the_same_settings_are_the_same_and_those_of_others_know_who_was_down() {
        let metrics = Arc::new(Metrics::new(Timestamp::default()).unwrap());
        let registry = PoolRegistry::new(metrics.clone());
        let addresses = [1, 2].map(|last| SocketAddr::from(([127, 0, 0, last], 9)));
        let first = registry.pool(&app(&addresses), IDLE).unwrap();
        assert!(!Arc::ptr_eq(&first, &registry.pool(&app(&addresses), IDLE).unwrap()), "nobody uses it yet");
        registry.resolve([&first].into_iter()).await;
        registry.watch([&first].into_iter()).await;
        let [one, two] = addresses;
        first.at(one, &[]).unwrap().healthy.store(false, Ordering::Relaxed);
        assert!(Arc::ptr_eq(&first, &registry.pool(&app(&addresses), IDLE).unwrap()));
        assert!(!Arc::ptr_eq(&first, &registry.pool(&app(&addresses), IDLE * 2).unwrap()));
        for server in ["127.0.0.1:9", "127.0.0.2:9"] {
            metrics.upstream_up.with_label_values(&["app.test", server]).set(1);
        }
        let mut other = app(&addresses[..1]);
        other.upstream.read_timeout = Duration::from_secs(1);
        let second = registry.pool(&other, IDLE).unwrap();
        registry.resolve([&second].into_iter()).await;
        assert!(second.at(one, &[]).is_none(), "it was down a moment ago");
        registry.watch([&second].into_iter()).await;
        let told = String::from_utf8(metrics.text().unwrap()).unwrap();
        assert!(told.contains("127.0.0.1:9") && !told.contains("127.0.0.2:9"), "{two}: {told}");
        assert_eq!(registry.watched().len(), 1);
        assert_eq!(Arc::strong_count(&first), 1, "nobody watches over it any more");
    }
}
