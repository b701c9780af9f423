//! One test, every database.
//!
//! In: `async fn name(db: TestDb)`. Out: `on_sqlite::name` and
//! `on_postgres::name`, each on a runtime of its own. A test that hangs fails
//! with a message after [`LIMIT`], whether it awaits or blocks.

use std::future::Future;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::databases::{Kind, TestDb};

/// Far more than any test needs: only a hang gets here.
const LIMIT: Duration = Duration::from_secs(120);

/// Makes `#[test]`s of async functions that take a [`TestDb`].
macro_rules! on_each_database {
    ($($test:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[test]
            fn $test() {
                crate::support::each::run(crate::support::Kind::Sqlite, super::$test);
            })+
        }
        mod on_postgres {
            $(#[test]
            fn $test() {
                crate::support::each::run(crate::support::Kind::Postgres, super::$test);
            })+
        }
    };
}
pub(crate) use on_each_database;

/// Runs `test` on a new database of this kind.
pub(crate) fn run<F>(kind: Kind, test: impl FnOnce(TestDb) -> F + Send + 'static)
where
    F: Future<Output = ()>,
{
    run_within(LIMIT, kind, test);
}

/// Runs a `test` that is meant to be long.
pub(crate) fn run_within<F>(
    limit: Duration,
    kind: Kind,
    test: impl FnOnce(TestDb) -> F + Send + 'static,
) where
    F: Future<Output = ()>,
{
    within(limit, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(test(TestDb::new(kind)));
    });
}

/// Runs `work` on a thread, so that even work that blocks can be given up.
pub(crate) fn within(limit: Duration, work: impl FnOnce() + Send + 'static) {
    let (alive, ended) = mpsc::channel::<()>();
    let name = thread::current().name().unwrap_or("test").to_owned();
    let worker = thread::Builder::new()
        .name(name)
        .spawn(move || {
            // Dropped at the end of the work, and by a panic too.
            let _alive = alive;
            work();
        })
        .expect("a thread");
    if ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
        panic!("the test hangs: no end after {limit:?}");
    }
    if let Err(panic) = worker.join() {
        std::panic::resume_unwind(panic);
    }
}
