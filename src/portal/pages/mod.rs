//! Every page of ours, each once. Values are escaped by askama; the sentences stand in `messages/`.

mod account;
mod account_data;
mod addresses;
mod apps;
mod backup_codes;
mod code;
mod delete;
mod done;
mod enroll;
mod errors;
mod held_form;
mod link;
mod login;
mod login_link;
mod logout;
mod method_prompt;
mod not_me;
mod notice;
mod passkey;
mod passkey_card;
mod passkey_dialog;
mod recover;
mod shell;
mod sign_up;
mod turn_off;
mod unusual_activity;

pub(crate) use account::AccountPage;
pub(crate) use account_data::{
    ActivityLine, ActivityListPage, BrowserLine, ExportPage, PasswordPage, SessionCard, SessionsPage,
};
pub(crate) use addresses::{AddressesPage, ListedAddress, WaitingAddress};
pub(crate) use apps::{AppLink, AppsPage};
pub(crate) use backup_codes::{BackupCodesPage, CodesOccasion, FEW, RenewCodesPage, codes_left};
pub(crate) use code::{CodePage, SentCode, ShownRequest};
pub(crate) use delete::DeletePage;
pub(crate) use done::DonePage;
pub(crate) use enroll::{EnrollPage, EnrollReason};
pub(crate) use errors::Errors;
pub(crate) use held_form::HeldFormPage;
pub(crate) use link::Link;
pub(crate) use login::LoginPage;
pub(crate) use login_link::LoginLinkPage;
pub(crate) use logout::LogoutPage;
pub(crate) use method_prompt::{MethodPrompt, method_names};
pub(crate) use not_me::NotMePage;
pub(crate) use notice::NoticePage;
pub(crate) use passkey::{PasskeyPage, PasskeyUpgradePage};
pub(crate) use passkey_card::{AppCard, PasskeyCard, PasskeySignal};
pub(crate) use passkey_dialog::{DialogPurpose, PasskeyDialog};
pub(crate) use recover::{
    RecoverAgainPage, RecoverCodePage, RecoverPage, RecoverResetPage, RecoverSecondPage, RecoverStopPage,
    RecoveredPage, ShownApp,
};
pub(crate) use shell::Shell;
pub(crate) use sign_up::{SignUpConfirmPage, SignUpPage};
pub(crate) use turn_off::TurnOffPage;
pub(crate) use unusual_activity::UnusualActivity;
