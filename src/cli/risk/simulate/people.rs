//! People: where they live and work, which devices they use, and when and from where they sign in.

use std::net::IpAddr;

use super::browsers::Browser;
use super::parameters::Parameters;
use super::world::{Kind, World};
use crate::cli::risk::random::Random;

const DAY: u64 = 86_400;
/// The first day, Unix seconds: 1 February 2025.
const EPOCH: u64 = 1_738_368_000;

/// A device, and the cookie that it may hold.
pub(crate) struct Machine {
    pub(crate) browser: Browser,
    share: f64,
    keeps_cookies: bool,
}

/// How a home gets its address.
#[derive(Clone, Copy)]
enum Lease {
    Fixed,
    Weeks,
    Daily,
}

pub(crate) struct SimulatedPerson {
    pub(crate) number: u32,
    pub(crate) home: usize,
    mobile: usize,
    office: Option<(usize, u32)>,
    vpn: Option<usize>,
    travels: bool,
    ipv6: bool,
    lease: Lease,
    site: u32,
    pub(crate) machines: Vec<Machine>,
    median_gap: f64,
}

/// One sign-in.
#[derive(Clone)]
pub(crate) struct Login {
    pub(crate) time: u64,
    pub(crate) person: u32,
    pub(crate) network: u32,
    pub(crate) address: IpAddr,
    pub(crate) machine: u8,
    /// The number of the cookie that was sent; 0 for none.
    pub(crate) cookie: u16,
    /// Which of the person's sign-ins it is.
    pub(crate) nth: u32,
}

pub(crate) fn day(time: u64) -> u64 {
    time.saturating_sub(EPOCH) / DAY
}

impl SimulatedPerson {
    pub(crate) fn new(number: u32, world: &World, parameters: &Parameters, random: &mut Random) -> Self {
        let home = world.by_share(&world.of(true, &[Kind::Broadband]), random);
        let mobile = world.by_share(&world.of(true, &[Kind::Mobile]), random);
        let office = random.chance(parameters.employed).then(|| {
            // Colleagues share an office: its number decides on network and prefix.
            let mut place = Random::new(u64::from(number) / parameters.people_an_office.max(1)).fork(0x0ff1ce);
            let business = world.of(true, &[Kind::Business]);
            (place.pick(&business).copied().unwrap_or_default(), place.next() as u32 >> 8)
        });
        let vpn = random.chance(parameters.vpn_users).then(|| {
            let at_home = random.chance(0.5);
            random.pick(&world.of(at_home, &[Kind::Hosting])).copied().unwrap_or_default()
        });
        let [fixed, weeks, _] = parameters.homes;
        let lease = match random.share() {
            s if s < fixed => Lease::Fixed,
            s if s < fixed + weeks => Lease::Weeks,
            _ => Lease::Daily,
        };
        let gaps = random.weighted(&parameters.frequencies, |(share, _)| *share);
        let gap = gaps.map_or(9.0, |(_, median)| *median);
        Self {
            number,
            home,
            mobile,
            office,
            vpn,
            travels: random.chance(parameters.travellers),
            ipv6: random.chance(parameters.ipv6),
            lease,
            site: random.next() as u32 >> 8,
            machines: machines(parameters, random),
            median_gap: gap * random.log_normal(1.0, 0.4),
        }
    }

    /// What kind of person it is, for figures by cohort.
    pub(crate) fn cohorts(&self) -> String {
        let is = [("vpn", self.vpn.is_some()), ("traveller", self.travels), ("ipv6", self.ipv6)];
        is.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect::<Vec<_>>().join(" ")
    }

    /// All sign-ins, in time order.
    pub(crate) fn logins(&self, world: &World, parameters: &Parameters, random: &mut Random) -> Vec<Login> {
        let mut logins = Vec::new();
        let mut cookies: Vec<u16> = vec![0; self.machines.len()];
        let mut made: u16 = 0;
        let mut abroad: Option<(usize, u64)> = None;
        let mut at = random.share() * parameters.days as f64 * 0.5;
        while at < parameters.days as f64 {
            let time = EPOCH + at as u64 * DAY + second_of_day(random);
            let today = day(time);
            let machine = random.weighted(&indexed(&self.machines), |(_, m)| m.share).map_or(0, |(n, _)| *n);
            abroad = abroad.filter(|(_, until)| *until > today);
            if self.travels && abroad.is_none() && random.chance(parameters.abroad / 3.0) {
                let there = world.abroad(&[Kind::Broadband, Kind::Mobile, Kind::Hosting], random);
                abroad = Some((there, today + 2 + random.below(10)));
            }
            let (network, address) = self.place(world, machine, today, abroad.map(|(at, _)| at), parameters, random);
            let lost = random.chance(parameters.cookie_lost);
            if let (Some(kept), Some(device)) = (cookies.get_mut(machine), self.machines.get(machine)) {
                let sent = if lost { 0 } else { *kept };
                let login = Login {
                    time,
                    person: self.number,
                    network: network as u32,
                    address,
                    machine: machine as u8,
                    cookie: sent,
                    nth: logins.len() as u32,
                };
                logins.push(login);
                if sent == 0 && device.keeps_cookies {
                    made += 1;
                    *kept = made;
                }
            }
            at += random.log_normal(self.median_gap, parameters.spread).max(0.01);
        }
        logins.sort_by_key(|login| login.time);
        logins.iter_mut().zip(0..).for_each(|(login, nth)| login.nth = nth);
        logins
    }

    fn place(
        &self,
        world: &World,
        machine: usize,
        today: u64,
        abroad: Option<usize>,
        parameters: &Parameters,
        random: &mut Random,
    ) -> (usize, IpAddr) {
        let is_phone = self.machines.get(machine).is_some_and(|m| m.browser.is_phone());
        if let Some(vpn) = self.vpn.filter(|_| random.chance(0.7)) {
            return (vpn, anywhere(world, vpn, self.ipv6 && random.chance(0.3), 4, random));
        }
        if let Some(abroad) = abroad {
            return (abroad, anywhere(world, abroad, false, u32::MAX, random));
        }
        if random.chance(parameters.guests) {
            let kinds = [Kind::Broadband, Kind::Mobile, Kind::Business];
            let guest = world.by_share(&world.of(true, &kinds), random);
            return (guest, anywhere(world, guest, false, u32::MAX, random));
        }
        if is_phone && random.chance(0.5) {
            return (self.mobile, self.by_mobile(world, random));
        }
        match self.office {
            Some((office, prefix)) if !is_phone && random.chance(0.45) => {
                let address = world.get(office).map(|n| n.ipv4(prefix, 1 + random.below(3) as u8));
                (office, address.unwrap_or_else(|| IpAddr::from([192, 0, 2, 1])))
            }
            _ => (self.home, self.at_home(world, today, random)),
        }
    }

    /// Carrier-grade NAT: a few addresses of eight neighbouring /24; with IPv6, a /64 of one of a few /48 each time.
    fn by_mobile(&self, world: &World, random: &mut Random) -> IpAddr {
        let Some(network) = world.get(self.mobile) else { return IpAddr::from([192, 0, 2, 2]) };
        if self.ipv6 {
            let site = (self.site % 4) as u16 * 8 + random.below(8) as u16;
            return network.ipv6(site, random.next() as u16, random.next());
        }
        network.ipv4((self.site & !7) + random.below(8) as u32, random.below(32) as u8)
    }

    fn at_home(&self, world: &World, today: u64, random: &mut Random) -> IpAddr {
        let Some(network) = world.get(self.home) else { return IpAddr::from([192, 0, 2, 3]) };
        let period = match self.lease {
            Lease::Fixed => 0,
            Lease::Weeks => (today + u64::from(self.site % 40)) / 40,
            Lease::Daily => today,
        };
        let mut lease = Random::new(u64::from(self.number)).fork(period + 1);
        let reach = if matches!(self.lease, Lease::Daily) { 64 } else { 4 };
        if self.ipv6 {
            // The delegated prefix stays with the lease; the last half changes by itself.
            let site = (self.site % 512) as u16 + lease.below(reach.min(4)) as u16;
            return network.ipv6(site, lease.next() as u16, random.next());
        }
        network.ipv4((self.site & !(reach as u32 - 1)) + lease.below(reach) as u32, lease.next() as u8)
    }
}

fn indexed(machines: &[Machine]) -> Vec<(usize, &Machine)> {
    machines.iter().enumerate().collect()
}

fn machines(parameters: &Parameters, random: &mut Random) -> Vec<Machine> {
    let count = 1 + usize::from(random.chance(0.6)) + usize::from(random.chance(0.2));
    let first_is_phone = random.chance(parameters.phones);
    let machine = |number: usize, random: &mut Random| {
        let phone = if number == 0 { first_is_phone } else { number % 2 == usize::from(!first_is_phone) };
        Machine {
            browser: Browser::usual(phone, parameters, random),
            share: 1.0 / (number as f64 + 1.0).powi(2),
            keeps_cookies: !random.chance(parameters.without_cookie),
        }
    };
    (0..count).map(|number| machine(number, random)).collect()
}

/// An address in one of the first prefixes of a network.
pub(crate) fn anywhere(world: &World, network: usize, ipv6: bool, prefixes: u32, random: &mut Random) -> IpAddr {
    let Some(network) = world.get(network) else { return IpAddr::from([192, 0, 2, 4]) };
    if ipv6 {
        return network.ipv6(random.below(512) as u16, random.next() as u16, random.next());
    }
    let prefix = random.below(u64::from(network.prefixes.min(prefixes))) as u32;
    network.ipv4(prefix, random.next() as u8)
}

/// Seldom at night, evenly from nine to nineteen.
fn second_of_day(random: &mut Random) -> u64 {
    let hour = if random.chance(0.7) { 9 + random.below(10) } else { random.below(24) };
    hour * 3600 + random.below(3600)
}
