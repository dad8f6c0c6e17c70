//! `stepgate demo`: one process, no servers needed: embedded state, a sample legacy app, three users.

mod people;
mod place;
mod sample;
mod settings;
mod tell;

use super::accounts::answered;
use super::args::Demo;
use super::outcome::{Failure, Outcome};
use super::run::serve_async;
use super::{block_on_all, terminal};
use crate::store::Stores;
use people::Person;
use place::Place;
use sample::Sample;
use tell::Site;

pub(crate) fn run(args: &Demo) -> Outcome {
    block_on_all(serve(args.port, args.json))?
}

async fn serve(port: Option<u16>, json: bool) -> Outcome {
    // Dropped last: the gateway has closed its files by then.
    let place = Place::make().map_err(|fault| Failure::failed(format!("cannot make a directory: {fault}")))?;
    let app =
        Sample::start().await.map_err(|fault| Failure::failed(format!("cannot start the sample app: {fault}")))?;
    let listen = settings::listen(port).await?;
    let settings = settings::settings(&place, listen, app.address)?;
    let people = populate(&settings).await?;
    let app_url = format!("http://{}", app.address);
    let (say, told) = tokio::sync::oneshot::channel();
    let ready = move |running: &crate::app::Running| {
        let site = Site::of(&running.addresses, app_url);
        let _ = say.send(tell::tell(&site, &people, json));
    };
    let served = serve_async(settings, ready);
    tokio::pin!(served);
    tokio::select! {
        ended = &mut served => return ended,
        // Told or not: a demo whose stdout is gone need not be served.
        told = told => told.unwrap_or(Ok(()))?,
    }
    let ended = served.await;
    if !json {
        terminal::say("The demo is over; its state is removed.");
    }
    ended
}

/// Makes the users in the embedded database.
async fn populate(settings: &crate::config::Settings) -> Outcome<Vec<Person>> {
    let stores = answered(Stores::open(&settings.store).await)?;
    people::make(&stores, &settings.flow).await
}
