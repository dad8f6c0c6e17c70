//! `stepgate demo`: one process, no servers needed: embedded state, a sample legacy app, three users.

mod directory;
mod elsewhere;
mod people;
mod sample;
mod settings;
mod summary;

use std::sync::Arc;

use super::accounts::store_result;
use super::args::Demo;
use super::exit::{CommandResult, Failure};
use super::output::terminal;
use super::run::{serve as serve_settings, signals};
use super::runtime::block_on_all;
use crate::app::Hangup;
use crate::notify::kept::KeptLetters;
use crate::store::Stores;
use crate::store::places::PlaceTables;
use directory::DemoDirectory;
use elsewhere::Elsewhere;
use people::Person;
use sample::Sample;
use summary::DemoUrls;

pub(crate) fn run(args: &Demo) -> CommandResult {
    block_on_all(serve(args.port, args.json))?
}

async fn serve(port: Option<u16>, json: bool) -> CommandResult {
    let signals = signals(Hangup::End)?;
    // Dropped last: the gateway has closed its files by then.
    let directory =
        DemoDirectory::make().map_err(|fault| Failure::failed(format!("cannot make a directory: {fault}")))?;
    let letters = Arc::<KeptLetters>::default();
    let app = Sample::start(letters.clone())
        .await
        .map_err(|fault| Failure::failed(format!("cannot start the sample app: {fault}")))?;
    let listen = settings::listen(port).await?;
    let gateway = listen.plain.first().copied().ok_or_else(|| Failure::failed("no address to listen on"))?;
    let elsewhere = Elsewhere::start(gateway)
        .await
        .map_err(|fault| Failure::failed(format!("cannot start the forwarder: {fault}")))?;
    let settings = settings::settings(&directory, listen, app.address, letters)?;
    let people = populate(&settings).await?;
    let app_url = format!("http://{}", app.address);
    let (printed, was_printed) = tokio::sync::oneshot::channel();
    let ready = move |running: &crate::app::Running| {
        let urls = DemoUrls::new(&running.addresses, app_url, elsewhere.port);
        let _ = printed.send(summary::print(&urls, &people, json));
    };
    let served = serve_settings(signals, settings, None, ready);
    tokio::pin!(served);
    tokio::select! {
        ended = &mut served => return ended,
        // A demo whose stdout is closed need not be served.
        done = was_printed => done.unwrap_or(Ok(()))?,
    }
    let ended = served.await;
    if !json {
        terminal::write_stderr("The demo is over; its state is removed.");
    }
    ended
}

/// Makes the users in the embedded database.
async fn populate(settings: &crate::config::Settings) -> CommandResult<Vec<Person>> {
    let stores = store_result(Stores::open(&settings.store).await)?;
    let places = PlaceTables::load(settings.store.places.clone(), stores.ports.clock.as_ref());
    stores.places.replace(places.map_err(|fault| Failure::failed(fault.to_string()))?);
    people::make(&stores, &settings.flow).await
}
