//! Attackers: each takes the slot of a sign-in, at its time, against the same person. Only the poisoner comes back.

use std::net::IpAddr;

use super::browsers::Browser;
use super::parameters::Parameters;
use super::people::{Login, SimulatedPerson, anywhere, day};
use super::world::{Kind, World};
use crate::cli::risk::random::Random;

/// Who attacks, by what they know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attacker {
    /// Knows the password only; comes from anywhere.
    Naive,
    /// Knows the country.
    Vpn,
    /// Knows the country and what people there use.
    Targeted,
    /// Knows the country and sends the person's own browser text.
    ExactBrowser,
    /// As that, from the provider of the person's home.
    SameProvider,
    /// Has the device cookie and the browser text, and comes by a relay in the country.
    Infostealer,
    /// Passes the person's browser on from rented servers; the cookie of another host does not come along.
    Aitm,
    /// Tries many people from one range of addresses.
    Spray,
    /// Comes back from one place, with the person's browser text.
    Poisoner,
}

impl Attacker {
    pub(crate) const ALL: [Self; 9] = [
        Self::Naive,
        Self::Vpn,
        Self::Targeted,
        Self::ExactBrowser,
        Self::SameProvider,
        Self::Infostealer,
        Self::Aitm,
        Self::Spray,
        Self::Poisoner,
    ];

    /// The word in the column `kind`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::Vpn => "vpn",
            Self::Targeted => "targeted",
            Self::ExactBrowser => "exact_browser",
            Self::SameProvider => "same_provider",
            Self::Infostealer => "infostealer",
            Self::Aitm => "aitm",
            Self::Spray => "spray",
            Self::Poisoner => "poisoner",
        }
    }

    const fn knows_browser(self) -> bool {
        !matches!(self, Self::Naive | Self::Vpn | Self::Targeted | Self::Spray)
    }
}

/// What an attack looks like.
pub(crate) struct Attack {
    pub(crate) network: usize,
    pub(crate) address: IpAddr,
    pub(crate) browser: Browser,
    /// The number of the cookie that is sent along; 0 for none.
    pub(crate) cookie: u16,
}

/// The attack that takes this slot.
pub(crate) fn attack(
    attacker: Attacker,
    login: &Login,
    person: &SimulatedPerson,
    world: &World,
    parameters: &Parameters,
    random: &mut Random,
) -> Option<Attack> {
    let ipv6 = random.chance(parameters.ipv6);
    let residential = [Kind::Broadband, Kind::Mobile, Kind::Business];
    let in_country = |relay: f64, random: &mut Random| {
        let kinds: &[Kind] = if random.chance(relay) { &[Kind::Hosting] } else { &residential };
        world.by_share(&world.of(true, kinds), random)
    };
    let network = match attacker {
        Attacker::Naive => world.abroad(&[Kind::Broadband, Kind::Mobile, Kind::Hosting], random),
        Attacker::Vpn | Attacker::Infostealer => in_country(0.6, random),
        Attacker::Targeted | Attacker::ExactBrowser => in_country(0.3, random),
        Attacker::SameProvider => person.home,
        Attacker::Aitm if random.chance(0.5) => world.abroad(&[Kind::Hosting], random),
        Attacker::Aitm => in_country(1.0, random),
        Attacker::Spray => {
            // One range a week.
            let mut week = Random::new(day(login.time) / 7).fork(0x59);
            if week.chance(0.5) {
                world.abroad(&[Kind::Hosting], &mut week)
            } else {
                world.by_share(&world.of(true, &[Kind::Hosting]), &mut week)
            }
        }
        Attacker::Poisoner => {
            world.by_share(&world.of(true, &residential), &mut Random::new(u64::from(person.number)).fork(0x90))
        }
    };
    let address = match attacker {
        Attacker::Spray => world.get(network).map(|n| n.ipv4(day(login.time) as u32 / 7, random.next() as u8))?,
        Attacker::Poisoner => {
            let mut fixed = Random::new(u64::from(person.number)).fork(0x91);
            anywhere(world, network, ipv6, u32::MAX, &mut fixed)
        }
        _ => anywhere(world, network, ipv6, u32::MAX, random),
    };
    let browser = if attacker.knows_browser() {
        person.machines.get(usize::from(login.machine))?.browser.clone()
    } else {
        // What is popular here is known to who aims; the others use a computer more often.
        let phone = random.chance(if attacker == Attacker::Targeted { parameters.phones } else { 0.4 });
        let usual = Browser::usual(phone, parameters, random);
        Browser { lag: if attacker == Attacker::Targeted { 4 } else { usual.lag }, ..usual }
    };
    let cookie = if attacker == Attacker::Infostealer { login.cookie } else { 0 };
    Some(Attack { network, address, browser, cookie })
}
