//! `strengths` and `require`: how well somebody must have proved who they are.

use std::collections::{BTreeMap, HashMap};

use schemars::JsonSchema;

use crate::auth::factor::sent_code;
use crate::auth::proof::{Method, MethodSet, Offer, Requirement, Strength};
use crate::config::sections::checker::Checker;
use crate::config::sections::one_or::{Detailed, OneOr};
use crate::config::sections::scalars::HumanDuration;
use crate::config::yaml::suggest::{nearest, possible, short};
use crate::config::yaml::{Span, Spanned};

/// A strength with a name of its own.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StrengthOptions {
    /// one_factor, two_steps, two_factor, phishing_resistant, or a name from `strengths`.
    #[schemars(required)]
    strength: Option<Spanned<String>>,
    /// The methods that count beside a password. Default: all.
    methods: Option<Spanned<Vec<Spanned<String>>>>,
    /// How old the renewing factor may be. Default: as old as the session.
    max_age: Option<HumanDuration>,
}

/// The name of a strength, or one written out.
pub(crate) type RequireOptions = OneOr<String, StrengthOptions>;

impl Detailed for StrengthOptions {
    const EXPECTED: &'static str = "the name of a strength or a mapping";
    const SCHEMA: &'static str = "RequireOptions";
}

/// The strengths that rules may name. `None` for a name whose strength was wrong, which is reported already.
pub(crate) struct Strengths {
    known: HashMap<String, Option<Requirement>>,
    /// What can be proved.
    served: MethodSet,
}

impl Strengths {
    /// Judges `strengths`; `declared` are all names in the file, also of those that could not be decoded.
    pub(crate) fn validate(
        options: BTreeMap<Spanned<String>, Spanned<StrengthOptions>>,
        declared: Vec<String>,
        served: MethodSet,
        cx: &mut Checker,
    ) -> Self {
        let mut all = Self { known: declared.into_iter().map(|n| (n, None)).collect(), served };
        for strength in Strength::ALL {
            all.known.insert(strength.name().to_owned(), Some(Requirement::of(strength)));
        }
        // Strengths may build only on the three, so that none can go round in circles.
        let built_in = all.known.iter().filter(|(n, _)| Strength::from_name(n).is_some());
        let base = Self { known: built_in.map(|(n, r)| (n.clone(), *r)).collect(), served };
        for (name, options) in options {
            if Strength::from_name(&name.value).is_some() {
                cx.error(name.at, "this name is built in and cannot mean anything else", "choose another name");
                continue;
            }
            let requirement = base.written_out(&options.value, options.at, cx);
            all.known.insert(name.value, requirement);
        }
        all
    }

    /// What a rule asks for.
    pub(crate) fn resolve(&self, options: &Spanned<RequireOptions>, cx: &mut Checker) -> Option<Requirement> {
        let asked = match &options.value {
            OneOr::One(name) => self.named(&Spanned { value: name.clone(), at: options.at }, cx),
            OneOr::More(inline) => self.written_out(inline, options.at, cx),
        };
        if asked.is_some_and(|asked| asked.is_met_by_sent_codes(self.served)) {
            cx.warn(options.at, sent_code::STANDARDS, "ask for `two_factor` where an address is too little");
        }
        asked
    }

    /// Whether what can be proved meets a requirement at all.
    pub(crate) fn within_reach(&self, requirement: &Requirement) -> bool {
        requirement.is_within(self.served)
    }

    /// What would have to be served for it.
    pub(crate) fn lacking(&self, requirement: &Requirement) -> MethodSet {
        requirement
            .lacking(self.served, Offer { served: self.served, enrollable: MethodSet::EMPTY, relying_party: false })
    }

    fn named(&self, name: &Spanned<String>, cx: &mut Checker) -> Option<Requirement> {
        if let Some(found) = self.known.get(&name.value) {
            return *found;
        }
        let mut names: Vec<&str> = self.known.keys().map(String::as_str).collect();
        names.sort_unstable();
        let fix = nearest(&name.value, names.iter().copied())
            .map_or_else(|| possible(names.iter().copied()), |n| format!("did you mean `{n}`?"));
        cx.error(name.at, format!("no strength is called `{}`", short(&name.value)), fix);
        None
    }

    fn written_out(&self, options: &StrengthOptions, at: Span, cx: &mut Checker) -> Option<Requirement> {
        let counted = options.methods.as_ref().map(|list| methods(list, cx));
        let strength = cx.need(options.strength.as_ref(), at, "strength", "add `strength: two_factor`")?;
        let mut requirement = self.named(strength, cx)?;
        if let Some(counted) = counted {
            requirement.methods = counted.and(requirement.methods);
        }
        if let Some(age) = options.max_age {
            requirement.max_age = Some(requirement.max_age.map_or(age.0, |a| a.min(age.0)));
        }
        if Strength::of(requirement.counted()) < Some(requirement.strength) {
            let at = options.methods.as_ref().map_or(strength.at, |m| m.at);
            let name = requirement.strength.name();
            cx.error(at, format!("these methods together can never reach `{name}`"), "name one more method");
            return None;
        }
        Some(requirement)
    }
}

fn methods(list: &Spanned<Vec<Spanned<String>>>, cx: &mut Checker) -> MethodSet {
    if list.value.is_empty() && !cx.has_removed_items(list.at) {
        cx.error(list.at, "an empty list would let nobody pass", "leave `methods` out to let every method count");
    }
    // what is reported already is no reason to tell that the rest is not enough
    let mut set = if cx.has_removed_items(list.at) { MethodSet::ALL } else { MethodSet::EMPTY };
    for name in &list.value {
        match Method::from_name(&name.value) {
            Some(method) => set = set.with(method),
            None => {
                let names = || Method::ALL.into_iter().map(Method::name);
                let fix =
                    nearest(&name.value, names()).map_or_else(|| possible(names()), |n| format!("did you mean `{n}`?"));
                cx.error(name.at, format!("no method is called `{}`", short(&name.value)), fix);
                // reported once is enough: the rest of the requirement is judged as if it were fine
                set = MethodSet::ALL;
            }
        }
    }
    set
}
