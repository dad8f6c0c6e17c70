//! `stepgate risk simulate`: a workload for `risk eval`, from a seed. It is made, not observed: docs/risk.md says what
//! that is worth.

mod attackers;
mod browsers;
mod parameters;
mod people;
#[cfg(test)]
mod tests;
mod world;

use std::io::{self, Write};
use std::net::IpAddr;

use std::fs::File;

use super::random::Random;
use crate::cli::args::{RiskSimulate, RiskWorld};
use crate::cli::exit::{CommandResult, Failure};
use attackers::{Attacker, attack};
use browsers::Browser;
use parameters::{FIRST, Parameters, SECOND};
use people::{Login, SimulatedPerson, day};
use world::World;

/// Makes the workload that was asked for.
pub(crate) fn run(args: &RiskSimulate) -> CommandResult {
    if !(0.0..=1.0).contains(&args.attacked) {
        return Err(Failure::usage("--attacked takes a share from 0 to 1"));
    }
    let size = Size { seed: args.seed, people: args.people, attacked: args.attacked, cohorts: args.cohorts };
    let parameters = match args.world {
        RiskWorld::First => &FIRST,
        RiskWorld::Second => &SECOND,
    };
    let made = match &args.out {
        Some(path) => File::create(path).and_then(|file| write(&size, parameters, &mut io::BufWriter::new(file))),
        None => write(&size, parameters, &mut io::BufWriter::new(io::stdout().lock())),
    };
    match made {
        // A reader that went away is no failure.
        Err(fault) if fault.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("cannot write the workload: {fault}")))
        }
        _ => Ok(()),
    }
}

/// What to make.
pub(crate) struct Size {
    pub(crate) seed: u64,
    pub(crate) people: u32,
    /// How many of the sign-ins each attacker takes the slot of.
    pub(crate) attacked: f64,
    /// Whether a last column tells the cohorts of people.
    pub(crate) cohorts: bool,
}

/// Writes the workload as CSV, in time order.
pub(crate) fn write(size: &Size, parameters: &Parameters, out: &mut impl Write) -> io::Result<()> {
    let random = Random::new(size.seed);
    let world = World::new(parameters, &mut random.fork(1));
    let mut people = Vec::new();
    let mut logins: Vec<Login> = Vec::new();
    for number in 0..size.people {
        let mut own = random.fork(1_000_000 + u64::from(number));
        let person = SimulatedPerson::new(number, &world, parameters, &mut own);
        logins.extend(person.logins(&world, parameters, &mut own));
        people.push(person);
    }
    logins.sort_by_key(|login| (login.time, login.person));
    let extra = if size.cohorts { ",cohort" } else { "" };
    writeln!(out, "user,time,ip,asn,country,device,browser,ua,device_cookie,kind{extra}")?;
    let mut dice = random.fork(2);
    for login in &logins {
        let Some(person) = people.get(login.person as usize) else { continue };
        let mut row = |network: usize, address: IpAddr, browser: &Browser, cookie: u16, kind: &str| -> io::Result<()> {
            let Some(network) = world.get(network) else { return Ok(()) };
            let cookie = if cookie == 0 { String::new() } else { format!("c{}-{cookie}", person.number) };
            let device = if browser.is_phone() { "mobile" } else { "desktop" };
            let (name, text) = (browser.name(day(login.time)), browser.text(day(login.time)));
            write!(out, "u{},{},{address},{},{}", person.number, login.time, network.asn, network.country)?;
            write!(out, ",{device},{name},\"{text}\",{cookie},{kind}")?;
            if size.cohorts { writeln!(out, ",{}", person.cohorts()) } else { writeln!(out) }
        };
        for attacker in Attacker::ALL {
            if login.nth > 0
                && dice.chance(size.attacked)
                && let Some(made) = attack(attacker, login, person, &world, parameters, &mut dice)
            {
                row(made.network, made.address, &made.browser, made.cookie, attacker.name())?;
            }
        }
        if let Some(machine) = person.machines.get(usize::from(login.machine)) {
            row(login.network as usize, login.address, &machine.browser, login.cookie, "legit")?;
        }
    }
    out.flush()
}
