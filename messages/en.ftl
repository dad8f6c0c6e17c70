### Every sentence that people read: on pages, in notices, and in the problems of the API.
###
### Messages that stand in pages with markup of their own may hold `<strong>`; what is put into them is escaped.
### Numbers choose the plural.

## Around every page

page-error = Error:
page-help = Help:
page-reference = Reference:
page-failed = The page could not be made.
page-return-to = You will return to <strong class="place">{ $place }</strong>
form-problem = There is a problem
destination-account = your account on { $host }
list-and = { $first } and { $last }
list-or = { $first } or { $last }

## Buttons and links that stand on several pages

action-continue = Continue
action-try-again = Try again
action-start-again = Start again
action-sign-out = Sign out
action-sign-out-here = Sign out here
action-sign-out-everywhere = Sign out everywhere
action-other-account = Use another account
action-your-account = Your account
action-new-backup-codes = Make new backup codes
action-ask-for-help = Ask for help
action-ask-for-access = Ask for access
action-start-page = Go to the start page
action-not-me = That was not me: sign out everywhere
action-in-new-window = { $action } (in a new window)

## What a page says of a request, name by name

fact-signed-in-as = Signed in as
fact-user-name = User name
fact-asked-for = Asked for
fact-purpose = What it is for
fact-rule = Rule
fact-reference = Reference
fact-cookie = Cookie
fact-site = Site
fact-time = Time here

## Signing up

login-sign-up = Make an account
sign-up-title = Make an account
sign-up-what = We send a letter to your address. Your account on { $host } exists once you have shown that it reached you.
sign-up-address = Mail address
sign-up-username-hint = You sign in with it. Leave it empty to use your mail address.
sign-up-enable-mfa = Set up a second step for signing in, so that a stolen password is not enough
sign-up-send = Send the letter
sign-up-login = Sign in
sign-up-sent-title = Look for our letter
sign-up-sent = A letter is on its way to { $email }. What it holds is good for { $span }.
sign-up-sent-look = Enter its code here, or open its link. Look among unwanted mail too.
sign-up-code = Code from the letter
sign-up-code-hint = Six digits.
sign-up-password-again = The password that you gave when you began.
sign-up-make = Make the account
sign-up-again = Begin again
sign-up-confirm-title = Finish making your account
sign-up-confirm-what = The letter to { $email } has reached you. The account on { $host } is made when you press the button.
sign-up-code-wrong = The code or the password is not correct, or the code is no longer good. Try again, or begin again
sign-up-code-wrong-here = The code is not correct, or it is no longer good. Try again, or begin again
sign-up-password-wrong = This is not the password of the sign-up. Enter the one that you gave when you began
sign-up-done = The account is made. You can sign in.
sign-up-over = It was used already, it is too old, or it is not whole. If you have an account, sign in; otherwise begin again.

mistake-sign-up-domain = Addresses of this domain cannot be used here
mistake-username-unusable = Use a name without spaces, commas or characters that nobody sees, and no address but your own
problem-unusable-input-title = Something in what was sent cannot be used.
problem-sign-up-off-title = Nobody can make an account here by themselves.
problem-sign-up-proof-title = Give a token, or an address and a code.
problem-sign-up-password-title = This is not the password of the sign-up.
problem-sign-up-code-title = The code or the password is not correct, or the code is no longer good.
problem-username-taken-title = Somebody has this user name. Choose another one: your address is confirmed.

## A new password

new-password-hint = At least { $least } characters, of any kind. Several words are easier to remember than one. Not a password that everybody tries first, not your name or address, not the name of this service.
new-password-too-short = The password needs at least { $least } characters.
new-password-too-long = The password may have at most { $most } bytes.
new-password-is-username = The password must not be your user name.
new-password-is-personal = The password must not be your name or address.
new-password-is-ours = The password must not be the name of this service.
new-password-common = This password is one of the first that anybody tries. Choose another one.
new-password-breached = This password became known when another service was broken into. Choose another one, and change it wherever you use it.

## Lengths of time and moments

duration-seconds = { $count ->
    [one] { $count } second
   *[other] { $count } seconds
}
duration-minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
}
duration-hours = { $count ->
    [one] { $count } hour
   *[other] { $count } hours
}
age-minutes = { $count ->
    [one] { $count } minute ago
   *[other] { $count } minutes ago
}
age-hours = { $count ->
    [one] { $count } hour ago
   *[other] { $count } hours ago
}
age-days = { $count ->
    [one] { $count } day ago
   *[other] { $count } days ago
}
age-moment = less than a minute ago
span-seconds = { $count ->
    [one] a second
   *[other] { $count } seconds
}
span-minutes = { $count ->
    [one] a minute
   *[other] { $count } minutes
}
span-hours = { $count ->
    [one] an hour
   *[other] { $count } hours
}
span-days = { $count ->
    [one] a day
   *[other] { $count } days
}
clock-fast = about { $duration } fast
clock-slow = about { $duration } slow
moment = { $day } { $month ->
    [1] January
    [2] February
    [3] March
    [4] April
    [5] May
    [6] June
    [7] July
    [8] August
    [9] September
    [10] October
    [11] November
   *[12] December
} { $year }, { $time } UTC
size-bytes = { $size } bytes
size-kib = { $size } KiB
size-mib = { $size } MiB

## Whom to ask, and the letter to them

support-nobody-named = the people who run this service
letter-subject-access = Access to { $place }
letter-subject-closed = { $place } is closed
letter-subject-unattainable = { $host } asks for { $methods }
letter-asked = What I wanted to open: { $asked }
letter-user-name = User name: { $user }
letter-reference = Reference: { $reference }
letter-reason = What I need it for:

## Methods

method-password = a password
method-totp = an authenticator app
method-passkey = a passkey
method-bound-passkey = a passkey that stays on its device
method-security-key = a security key
method-backup-code = backup codes
method-email-code = a code by mail
method-sms-code = a code by text message
method-recovery-code = a recovery code

## Fields for proofs

prompt-totp = Enter the code from your app
prompt-totp-hint = { $digits } digits. Spaces are fine.
prompt-totp-offer = Use my authenticator app
prompt-backup-code = Enter a backup code
prompt-backup-code-hint = One of the codes you saved. Each works once.
prompt-backup-code-offer = Use a backup code
prompt-enrolment-code = Enter the code from your administrator
prompt-enrolment-code-hint = You get it from whoever looks after your account. It works once, within a day.
prompt-enrolment-code-offer = Use a code from my administrator
prompt-sent-code = Enter the code we sent you
prompt-sent-code-hint = { $digits } digits. Spaces are fine. Share it with nobody: we never ask for it.
prompt-email-code-offer = Send me a code by mail
prompt-sms-code-offer = Send me a code by text message
prompt-passkey-offer = Use a passkey or security key
prompt-password = Password
prompt-password-hint = The password you sign in with.
prompt-password-offer = Use my password
mistake-no-user-name = Enter your user name
mistake-no-password = Enter your password
mistake-no-code = Enter the code
mistake-credentials = The user name or the password is not correct. Try again
mistake-password = The password is not correct. Try again
mistake-totp = The code is not correct, or was used already. Enter the next one that your app shows
mistake-backup-code = The code is not correct, or was used before. Enter another one
mistake-sent-code = The code is not correct. Enter the newest one that was sent to you
mistake-no-sent-code = This code is no longer good. Ask for a new one
mistake-code-used-up = Too many wrong codes. Use another way, or try again in a quarter of an hour
mistake-mail-address = Enter a mail address like name@example.com
mistake-number = Enter a phone number with its country code, like +1 202 555 0112
mistake-number-kind = No text message can be sent to this number. Enter another one
mistake-number-country = No text messages are sent to numbers of this country. Enter another one
mistake-address-known = This is one of your addresses already
mistake-too-many-addresses = Remove an address first: you have as many as possible
mistake-late = That took too long. Remove the entry from your app, then scan the new picture
mistake-clock = Your authenticator's clock looks { $off }. Set its time to automatic, then try again

## Sign-in

login-title = Sign in
login-user-name = User name
login-password = Password
login-cannot = I cannot sign in
login-recover = Get back in by a letter
login-check = Check that Caps Lock is off, and that you mean to sign in on <strong>{ $host }</strong>.
login-ask = If you have no account, or no longer know your user name or your password, ask { $support }.
login-to-end-all-sessions = Sign in once more to end all your sessions, in every browser and on every device.
login-several-cookies = Your browser sent several sign-in cookies for this site. Delete the cookies of this site, then sign in.
login-unattainable = The page you want asks for more than can be proved here. Signing in will not open it.
login-was-idle = You were signed out after { $span } without use.
login-was-expired = You were signed out: a sign-in lasts no longer than { $span }.
login-was-ended = You were signed out.

## A sign-in by a link in a letter

login-link-offer = Mail me a link to sign in
login-link-title = Sign in by a mailed link
login-link-what = Give the mail address of your account. The link that we send there is the first step; your password comes after it.
login-link-address = Mail address
login-link-send = Mail me a link
login-link-password = Sign in with user name and password
login-link-sent = If an account has this address, a link is on its way there. It is good for { $span }.
login-link-here = Open it in this browser, and go on there. If you open it in another browser or on another device, it shows a code: enter it here.
login-link-code = Code from the page of the link
login-link-code-hint = Six digits. Only the page that the link opens shows them.
login-link-again = Ask for another link
mistake-login-link-code = This is not the code that the page of your link shows. Try again, or ask for another link
login-link-follow-title = Go on with your sign-in
login-link-follow = This browser asked for a link to sign in on { $host } at { $at }. The link has come to you: go on, and give your password.
login-link-follow-go = Go on signing in
login-link-elsewhere-title = Is this you, signing in?
login-link-elsewhere = Another browser, at the address { $from }, asked at { $at } to sign in on { $host }. If that was you, and you see that browser before you now, let this page show a code and enter it there.
login-link-elsewhere-warn = If you are not signing in at this moment, close this page. Nobody who helps you will ask you for the code.
login-link-show = Show the code
login-link-shown-title = Your code: { $code }
login-link-shown = Enter it in the browser in which you began to sign in on { $host }. It is good there alone, once, for { $wait }.
login-link-script-title = This link belongs to a program
login-link-script = A program asked for it, at the address { $from }, at { $at }. Give the program the whole link from your letter if you started it yourself; otherwise close this page.
login-link-over-title = This link is over
login-link-over = It was used already, it is too old, or it is not whole. Begin again; another link can be sent.
link-confirmed = Your mail address was the first step. Your password is the next one.

## The second step, and step-up

code-title = Confirm it is you
code-title-for = Confirm it is you: { $purpose }
code-second-step = Your password is one step. This is the second.
code-signing-in = Signing in as <strong>{ $user }</strong>.
code-signed-in = Signed in as <strong>{ $user }</strong>.
code-user-name = User name
code-other-ways = Try another way
code-no-password = I no longer know my password
code-no-password-help = Ask the people who run this service for a new one.
code-no-password-help-at = Ask the people who run this service for a new one ({ $support }).
code-no-app = I no longer have my authenticator app
code-no-app-help = Use one of the backup codes that you saved when you set it up. Without a backup code, ask the people who run this service to reset your second step.
code-no-app-help-at = Use one of the backup codes that you saved when you set it up. Without a backup code, ask the people who run this service to reset your second step ({ $support }).
code-no-passkey = I no longer have my passkey or security key
code-no-passkey-help = Use another way, or one of the backup codes that you saved. Without any, ask the people who run this service to reset your second step.
code-no-passkey-help-at = Use another way, or one of the backup codes that you saved. Without any, ask the people who run this service to reset your second step ({ $support }).
step-up-fresher = { $path } asks for a second step that is not older than { $span }.
step-up-wanted = { $path } asks for a second step.
step-up-risk = We do not recognise this network or device. Show that it is you.
step-up-once = { $path } asks for a proof each time. It is good for one request, within a minute.
step-up-transaction = { $path } asks you to look at what is sent, and to prove for this alone that it is you.
transaction-shown = What is sent
transaction-shortened = { $text }… (and { $count } more letters)
transaction-file = File { $name }, { $size }
transaction-redacted = Not shown ({ $count } letters)
transaction-text = Text
transaction-no-title = This cannot be approved here
transaction-not-kept = What was to be sent was not kept, so it cannot be shown. Go back to the page of the app and send it again; where that ends here again, ask the people who run this service.
transaction-not-shown = What was to be sent is written in a way that apps may read differently, so it is not shown, and was not sent. Ask the people who run this service.
mistake-transaction-other = What would be sent is not what this page showed before. Look at it again
step-up-before-codes = Before new backup codes are made, show that it is you.
step-up-before-addresses = Before your addresses are changed, show that it is you.
step-up-before-enrolling = Before an authenticator is added, show that it is you.
step-up-before-turning-off = Before two-step sign-in is turned off, show that it is you.
step-up-before-deleting = Before what you sign in with is changed, show that it is you.
step-up-nothing-title = Another way to sign in is needed
step-up-nothing = This page asks for a way to sign in that your account does not have here; a passkey belongs to the host that it was made on. Ask the people who run this service.

## Passkeys and security keys

passkey-hint-sign-in = Without a password: your browser asks for your face, your fingerprint, your PIN or your key.
passkey-hint-prove = Your browser asks for your face, your fingerprint, your PIN or your security key.
passkey-hint-create = Your browser asks where to keep it: on this device, on another one, or on a security key. Then it asks for your face, your fingerprint, your PIN, or a touch of the key.
passkey-open = Your browser is asking now. Follow what it says.
passkey-title = Set up a passkey
passkey-asked = The page you want asks for a second step. With a passkey it is your face, your fingerprint, your PIN or a security key. You set it up once.
passkey-uncounted = You have a passkey, and it does not count for the page you want: it may be copied to your other devices, and that page takes only what stays on one. Set up one that stays on its device, such as a security key. The passkey that you have goes on working elsewhere.
passkey-uncounted-first = Before another one is set up, sign in with the passkey that you have.
passkey-wished = With a passkey you sign in by your face, your fingerprint, your PIN or a security key. There is no code to type, and none that somebody could ask you for.
passkey-set-up = Set up a passkey
passkey-app-instead = Set up an authenticator app instead
enroll-passkey-instead = Set up a passkey or security key instead
passkeys-title = Passkeys and security keys
passkeys-none = You have none yet.
passkey-add = Add a passkey or security key
passkey-bound = It stays on its device.
passkey-synced = Your password manager may copy it to your other devices.
passkey-elsewhere = It works on { $host } only.
passkey-created = Set up on { $moment }.
passkey-used = Last used on { $moment }.
passkey-unused = Not used yet.
passkey-change = Rename or delete
passkey-name = Name
passkey-rename = Rename
passkey-delete = Delete this passkey
passkey-delete-hint = Signing in with it stops working at once. Remove it from your device or password manager too, if that is not done by itself.
passkey-needed-by = { $name } was not deleted: without it you could not open what the rule { $rule } guards. Set up another one first
passkey-needed = { $name } was not deleted: nothing would be left to sign in with. Set up another one first
app-card = Authenticator app
app-renamed = The authenticator app is called { $name } now.
passkey-renamed = The passkey is called { $name } now.
passkey-deleted = The passkey { $name } is deleted.
mistake-passkey-name = Enter a name of 1 to { $most } characters
upgrade-title = You are signed in
upgrade-what = Your password manager may keep a passkey now, so that you can sign in without the password next time. This takes a moment, and asks nothing of you.
mistake-passkey-script = A passkey needs JavaScript, and it is off here. Switch it on for this site, or use another way
mistake-passkey-cancelled = The passkey was not used: your browser was told to stop, or it took too long. Try again, or use another way
mistake-passkey-browser = Your browser cannot use passkeys here. Use another way, or another browser
mistake-passkey-twice = This device or key is set up already. Use another one
mistake-passkey-device = This device or key cannot do what is asked here. Use another one
mistake-passkey-address = Passkeys do not work at this address. Use another way, and tell the people who run this service
mistake-passkey-unknown = This passkey is not known here: it was deleted, or belongs to another site. Use another way
mistake-passkey-late = This page was open too long, or was used already. Use your passkey again
mistake-passkey-wrong = The passkey could not be verified. Try again, or use another way
mistake-passkey-refused = This passkey cannot be set up here: it took too long, or this kind of device or key is not accepted. Try again, or use another one
passkey-saved-title = Your passkey is set up
passkey-saved = It is called { $name }. You can rename it on the page of your account.
mistake-passkey-other = Your browser could not use the passkey. Try again, or use another way

## Setting up an authenticator app

enroll-title = Set up your authenticator app
enroll-asked = The page you want asks for a second step. It takes about a minute, and you do it once.
enroll-uncounted = You have a passkey, and it does not count for the page you want: it may be copied to your other devices. An authenticator app does. You set it up once.
enroll-wished = The codes of an app are a second step beside your password. It takes about a minute, and you do it once.
enroll-replaces = You have an authenticator app already. The one you set up here takes its place: codes of the old one, and the backup codes you have now, stop working.
enroll-account = For the account <strong>{ $account }</strong>. You will return to <strong class="place">{ $place }</strong>
enroll-install = Install an authenticator app on your phone, if you have none.
enroll-scan = Scan this picture with the app.
enroll-open-app = On this device? Open your authenticator app
enroll-type-key = Cannot scan? Type the key instead
enroll-key-account = Account: { $account }
enroll-key = Key:
enroll-key-kind = Kind: time-based, { $digits } digits.
enroll-enter-code = Enter the code that the app shows now.
enroll-code = Code from your app
enroll-confirm = Confirm
enroll-picture = QR code for your authenticator app
enrolled-title = Your authenticator app is set up
enrolled = Its backup codes are shown only once. If you have not saved them, set up your app once more: that makes new ones.
enrolled-once-more = Set up my app once more

## Backup codes

codes-title = Save your backup codes
codes-made-anew = New codes are made. The ones you had before no longer work.
codes-passkey-set-up = Your passkey is set up.
codes-app-set-up = Your authenticator app is set up.
codes-what = For the account <strong>{ $account }</strong> on { $host }. Each of these codes works once, when your app or your passkey is not at hand. They are shown only now. Print them or put them into your password manager.
codes-label = Backup codes
codes-download = Download the codes
codes-print = To print them, use the print command of your browser: only the codes and what they are for go on paper.
codes-file = Backup codes for the account { $account } on { $host }. Each works once.
codes-saved = I have saved them
codes-left = { $count ->
    [0] You have no backup codes left.
    [one] You have { $count } backup code left.
   *[other] You have { $count } backup codes left.
}
codes-make-new = Make new ones before you need them.
codes-used-title = You used a backup code
codes-used = The code you used will not work again.
codes-used-last = That was your last backup code.
codes-renew-title = Make new backup codes
codes-renew-account = For the account <strong>{ $account }</strong> on { $host }. { $left ->
    [0] You have no backup codes left.
    [one] You have { $left } backup code left. It stops working.
   *[other] You have { $left } backup codes left. They stop working.
}
codes-renew-once = The new codes are shown once. Have your password manager or a printer at hand.
codes-renew-make = Make new codes
codes-renew-keep = Keep the codes I have
codes-over-title = Your backup codes are made
codes-over = New backup codes were made a moment ago, and they are shown only once. If you have not saved them, make new ones again.

## The account

account-title = Your account
account-signed-in = Signed in as <strong>{ $user }</strong>. Previous sign-in: { $previous }.
account-first-sign-in = Signed in as <strong>{ $user }</strong>. You had not signed in here before.
account-few-codes = { codes-left } Make new ones before you need them.
account-name = Name
account-mail = Mail
account-groups = Groups
account-codes-left = Backup codes left
account-began = This session began
account-ends = If you do nothing, it ends in
account-sign-in = How you sign in
account-where = Where you are signed in
account-data = Your data

account-replace-app = Replace your authenticator app and backup codes
account-set-up-app = Set up an authenticator app
account-go-to = Go to { $host }

account-addresses = Addresses for codes

## Deleting the account

delete-title = Delete your account
delete-whose = Your account <strong>{ $user }</strong> on { $host } is to be deleted.
delete-what = Everything that you sign in by goes with it: password, passkeys, authenticator app, backup codes and addresses, and all your sessions end, here and elsewhere. It cannot be undone. Apps keep what they hold about you: ask them.
delete-by-mail = We mail you a link. Only the button behind it deletes your account.
delete-ask = Mail me the link
delete-keep = Keep my account
delete-sent-title = Look into your mail
delete-sent = A link is on its way to { $to }. It is good for { $span }. Nothing is deleted until you press the button behind it.
delete-no-address-title = There is no address to write to
delete-no-address = The last step is a link that is mailed, and you have no confirmed mail address. Add one, or ask { $support } to delete your account.
delete-last-title = Delete this account for good?
delete-last = This link deletes the account on { $host } whose owner asked for it.
delete-do = Delete the account
delete-done-title = The account is deleted
delete-done = The account on { $host } is gone, and its sessions have ended.
delete-over = It is too old, it is not whole, or the account was changed since it was sent. Nothing was deleted by it.
step-up-before-account-deletion = Before your account is deleted, show that it is you.

## The password, sessions, activity and data of an account

action-back-to-account = Back to your account
password-title = Change your password
password-what = For the account <strong>{ $account }</strong> on { $host }.
password-new = New password
password-set-button = Change the password
password-changed-title = Your password is changed
password-changed-ended = You stay signed in here. All other sessions ended.
password-changed-kept = You stay signed in here, and wherever else you were.
password-changed-browsers = Sign-ins that were under way ended, and every browser counts as a new one.
mistake-no-new-password = Enter the new password
step-up-before-password = Before your password is changed, show once more that it is you.
step-up-before-export = Before your data is given out, show once more that it is you.
sessions-title = Sessions and browsers
sessions-what = Where the account <strong>{ $account }</strong> is signed in.
sessions-this-one = this one
sessions-since = Signed in { $moment }. Used { $ago }.
sessions-end = End this session
sessions-end-others = End all other sessions
sessions-ended = The session is ended.
sessions-ended-before = This session had ended already.
sessions-others-ended = { $count ->
    [0] There was no other session.
    [one] 1 other session is ended.
   *[other] { $count } other sessions are ended.
}
session-one-factor = One factor was proved.
session-two-steps = A password and a code that was sent were proved.
session-two-factor = Two factors were proved.
session-phishing-resistant = Two factors were proved, one of them safe from phishing.
browsers-title = Browsers that know you
browsers-what = A browser in which you signed in is not held up when others try to guess your password. These signed in during the last 90 days.
browsers-last = Last { $moment }, from { $place }
browsers-forget = Forget all browsers
browsers-forgotten = All browsers are forgotten: each counts as a new one from now on. Nobody was signed out by that.
agent-script = A script
agent-on-system = { $browser } on { $system }
agent-of-system = A browser on { $system }
agent-unknown = A browser
place-address = { $address }
place-in-country = { $address } ({ $country })
activity-title = Activity
activity-what = What happened to the account <strong>{ $account }</strong> in the last 90 days, the newest first.
activity-none = Nothing is remembered.
activity-older = Older
activity-newest = Newest
activity-not-yours = If something here was not you, say so: it ends all other sessions. Then change your password.
activity-proof-accepted = Proved with { $method }.
activity-proof-rejected = A try with { $method } was refused.
activity-session-opened = Signed in.
activity-session-revoked = A session was ended.
activity-sessions-revoked = Other sessions were ended.
activity-session-abandoned = A session that looked stolen was ended.
activity-sign-in-disowned = You said that a sign-in was not you.
activity-risk-profile-erased = What was usual for your sign-ins was forgotten.
activity-slip-issued = A single request was approved with { $method }.
activity-authenticator-added = Set up: { $method }.
activity-authenticator-removed = Removed: { $method }.
activity-code-sent = Sent: { $method }.
activity-passkey-counter = A passkey was refused, because there may be a copy of it.
activity-factor-locked = Switched off after too many wrong codes: { $method }.
activity-factor-unlocked = Switched on again: { $method }.
activity-backup-codes-made = New backup codes were made.
activity-account-created = The account was made.
activity-signed-up = You made the account, and confirmed your address.
activity-invitation-accepted = You made the account by an invitation.
activity-account-disabled = The account was closed.
activity-account-enabled = The account was opened again.
activity-recovery-begun = Somebody who cannot sign in asked for a way back into the account.
activity-recovery-waiting = The way back into the account waits until its time is over.
activity-recovery-granted = The way back into the account was opened.
activity-recovery-cancelled = The way back into the account was stopped.
activity-recovery-finished = Access to the account was recovered.
activity-recovery-code-issued = An operator made a code for a way back into the account.
activity-enrolment-code-issued = Your administrator made a code for your first second factor.
activity-account-deleted = The account was deleted.
activity-deletion-asked = A link that deletes the account was asked for.
activity-password-set = The password was changed.
activity-profile-set = Your name or mail address was changed.
activity-groups-set = Your groups were changed.
activity-browsers-forgotten = All browsers were forgotten.
activity-data-exported = A copy of your data was made.
export-title = Your data
export-what = A file (JSON) of all that is held of the account <strong>{ $account }</strong>: your name and addresses, what you sign in with, sessions and browsers, what is usual for your sign-ins, and what happened.
export-secrets = Passwords and other secrets are named in it, and not shown. Where you were and when is in it: keep it where nobody else looks.
export-button = Download

## Codes that are sent, and the addresses that they go to

sent-code-ask = We send a code to the address of your account. It is good for { $span }.
sent-code-have = I have a code already
sent-code-sent = A code is on its way to <strong>{ $to }</strong>. It is good for { $span }.
sent-code-missing = I have not received it
sent-code-missing-help = It can take a minute. Look among unwanted mail too. A new code takes the place of the one before; after a few of them, the next is sent { $wait } later.
sent-code-again = Send a new code
sent-code-wrong-address = The address cannot be changed while you sign in. Use another way, or ask { $support }.
addresses-title = Addresses for codes
addresses-intro = Codes for the account <strong>{ $account }</strong> on { $host } go to the newest address of each kind.
addresses-none = There is no address yet.
addresses-list = Your addresses
addresses-since = Confirmed on { $moment }.
addresses-newest = Codes go here.
addresses-remove = Remove { $address }
addresses-change = Rename or remove
addresses-renamed = The address is called { $name } now.
addresses-removed = { $address } is removed.
addresses-added = { $address } is confirmed.
addresses-needed = This address cannot be removed: the rule { $rule } asks for codes that are sent there.
addresses-taken = This address is of another account. Ask { $support } if it is yours.
addresses-add-mail = Add a mail address
addresses-add-number = Add a phone number
addresses-mail = Mail address
addresses-number = Phone number
addresses-number-hint = With the country code, like +1 202 555 0112. Your provider may charge for text messages.
addresses-send = Send a code there
addresses-confirm = Confirm { $address }
addresses-confirm-button = Confirm
addresses-back = Back to your account

## The apps that somebody may open

apps-title = Your apps
apps-signed-in = You are signed in as <strong>{ $user }</strong>.
apps-none = No app is open to you. Ask for access if you miss one.

## The way back to an app

arrive-title = You are not signed in by this
arrive-absent = This address was used before, or it is too old. Open the app, and you get there by yourself.
arrive-other = This address was made for another browser, or this browser keeps no cookies. Nothing was done with it. If somebody sent it to you, do not use it.
arrive-ended = The session that this address was made for has ended. Open the app to sign in again.

## Signing out

logout-title = Sign out
logout-who = You are signed in as <strong>{ $user }</strong> on { $host }.
logout-everywhere = “Everywhere” ends your sessions in all browsers and on all devices.
logout-stay = Stay signed in
signed-out-title = You are signed out
signed-out = Nobody is signed in on { $host } in this browser. Where you signed in with other browsers or devices, you still are.
signed-out-again = Sign in again
signed-out-everywhere-title = You are signed out everywhere
signed-out-everywhere = { $count ->
    [0] 1 session ended: this one. There was no other.
    [one] 2 sessions ended: this one and 1 other.
   *[other] { $all } sessions ended: this one and { $count } others.
}

## A sign-in that was somebody else's

recover-title = I cannot sign in
recover-what = Give your user name for <strong>{ $host }</strong>, or the mail address that you confirmed there. A letter with a code goes to that address.
recover-whom = User name or mail address
recover-send = Send me a code
recover-have-code = I have a code from a letter
recover-off = Nobody gets back in here by mail. Ask { $support } for a code.
recover-issued = I have a code from an administrator
recover-issued-code = Code of the administrator
recover-issued-wrong = The user name or the code is not correct, or the code is too old
recover-issued-used = This code was used already. Ask for another one to begin again
recover-code-title = Go on with the letter
recover-sent = If there is an account of that name with a confirmed address, a letter is on its way to it. Its code is good for { $span }.
recover-sent-look = Open the link in it, on any device, or enter the code here. If none comes, look in your spam folder. Only a few letters are sent: wait some minutes before you ask again.
recover-go-on = You opened the link of a letter from <strong>{ $host }</strong>. Go on only if you asked for it.
recover-code = Code of the letter
recover-code-wrong = This code is not correct or is too old. Copy all of it, or ask for another one
recover-code-used = This code was used already. Ask for another one to begin again
recover-again = Ask for another letter
recover-second-title = A second proof
recover-second-what = Your mail alone is not enough: somebody else may read it. Give one more proof.
recover-second-code = Code
recover-second-either = A code of your authenticator app ({ $digits } digits), or one of your backup codes. A backup code lets you set up a new app.
recover-locked = Too many wrong codes: this way is switched off.
recover-none-at-hand = I have none of these at hand
recover-wait-what = You can set a new password in { $span }. Every address that you confirmed is told at once, and a link in that letter stops it. Your second factor stays as it is.
recover-wait = Wait
recover-lost-all = If you have lost all of these, ask { $support } for a code.
recover-waits = You can go on at { $at }. Come back then and ask for a code again.
recover-waits-told = Every address that you confirmed was told of it. Anybody who reads mail there can stop it.
recover-reset-title = Set a new password
recover-reset-title-app = Set up a new authenticator app
recover-reset-what = For <strong>{ $user }</strong> on <strong>{ $host }</strong>. Nothing is changed before you press the button.
recover-password = New password
recover-app-title = A new authenticator app
recover-app-what = It takes the place of the one that you had. Leave the code empty to keep that one.
recover-app-code = First code of the new app
recover-reset-ends = Saving signs you out everywhere. Then you sign in again.
recover-reset-set = Save
recover-nothing = Enter a new password, or the code of a new app
recover-over = It is done, or took too long. Nothing was changed by this page just now.
recover-under-way = Another request is saving this recovery at this moment. Try again in a few seconds.
recovered-title = Your account is recovered
recovered-ended = All sessions have ended, on all devices. Sign in again.
recover-stop-title = Was it you?
recover-stop-what = Somebody who reads mail of <strong>{ $user }</strong> on <strong>{ $host }</strong> asked for a new password. They may set it at { $at }. If it was not you, say so here: it ends at once.
recover-stop-mail = Whoever asked reads your mail: change the password of your mailbox.
recover-stop-tell = Tell { $support }.
recover-stopped-title = It has ended
recover-stopped = Nothing was changed, and nobody sets a password by it.
recover-stop-over-title = Nothing waits here
recover-stop-over = It has ended, or went on, or this link is none. If your password was changed and it was not you, tell { $support } at once.
not-me-link = This was not me
not-me-password = Change your password, on the page of your account: whoever signed in may know it.
not-me-title = Was somebody else here?
not-me-what = If somebody else signed in as <strong>{ $user }</strong>, say so here. Then:
not-me-ends = Your other sessions end, on all devices.
not-me-outstanding = Codes and links that were sent to you are of no use any more, and a sign-in or a recovery that somebody began is over.
not-me-outstanding-ended = Codes and links that were sent to you are of no use any more. Sign-ins and recoveries that had begun are over.
not-me-asks-more = Until you have heard from { $support }, apps here ask you for two steps, whatever you sign in with.
not-me-may-refuse = Until you have heard from { $support }, apps here ask you for two steps, whatever you sign in with, or let nobody in.
not-me-asks-nothing = Apps here ask for nothing more because of it: who knows your password can sign in again. Tell { $support } at once.
not-me-say = This was not me
not-me-done-title = Your other sessions have ended
not-me-all-ended = All sessions ended, this one too: it was used from elsewhere than where you had signed in.
not-me-needs-proof = You are not held at high risk by this: nothing in that session showed that it was you. Sign in where you usually do, with two steps if you have them, and say it again, or tell { $support }.
not-me-ended = { $count ->
    [0] There was no other session.
    [one] 1 other session ended.
   *[other] { $count } other sessions ended.
}

## Before this sign-in

previous-sign-in = You last signed in { $ago } ({ $moment }).
previous-sign-in-none = You have not signed in here before.
unusual-title = Was this you?
unusual-since = This happened since { $moment }:
unusual-sign-in = Somebody signed in as { $user } on { $moment }, from the address { $address }. The browser and the network were both new.
unusual-sign-in-risk = Somebody signed in as { $user } on { $moment }, from the address { $address }. We did not recognise the network or the device.
unusual-more = There were { $count } more like these, earlier.
unusual-failed = { $count ->
    [one] An attempt to sign in as { $user } failed, on { $moment }, from the address { $address }.
   *[other] { $count } attempts to sign in as { $user } failed, the last on { $moment }, from the address { $address }.
}
unusual-failed-knew = { $count ->
    [one] An attempt to sign in as { $user } failed, on { $moment }, from the address { $address }. The password was right, the second step was not.
   *[other] { $count } attempts to sign in as { $user } failed, the last on { $moment }, from the address { $address }. The password was right at least once, the second step was not.
}
unusual-advice-known = If that was you, go on. If not, somebody knows your password: sign out everywhere and tell { $support }.
unusual-advice-guessed = If that was you, go on. If not, somebody may be guessing your password: sign out everywhere and tell { $support }.

## Factors that are switched off

locked-title = Your second step is switched off
locked-entered-title = Too many wrong codes were entered
locked-off = { $which ->
    [app] Your authenticator app is
    [codes] Your backup codes are
    [both] Your authenticator app and your backup codes are
   *[other] Your second step is
} switched off, because too many wrong codes were entered.
locked-it = { $which ->
    [codes] them
    [both] them
   *[other] it
}
locked-useless = { locked-off } Signing in again, or waiting, does not switch { locked-it } on.
locked-ask = Ask { $support } to switch { locked-it } on again.
locked-tell = If it was not you who entered these codes, somebody knows your password: tell { $support } that too.
locked-why = { locked-off } What you enter here switches { locked-it } on again.
locked-still = { locked-off } Ask the people who run this service to switch it on again.
locked-no-longer = { $which ->
    [app] Your authenticator app has been switched off, because too many wrong codes were entered. It is on again now.
    [codes] Your backup codes had been switched off, because too many wrong codes were entered. It is on again now.
    [both] Your authenticator app and your backup codes had been switched off, because too many wrong codes were entered. They are on again now.
   *[other] Your second step has been switched off, because too many wrong codes were entered. It is on again now.
}
locked-change-password = If it was not you who entered these codes, somebody knows your password: change it.
locked-sign-in = Sign in as somebody else

## Waits

wait-title = Wait before the next attempt
wait-attempts = There were too many attempts. Wait { $duration }, then try again.
wait-nothing-lost = Nothing is lost: what you did until here still counts.
wait-meanwhile = What you can do meanwhile
wait-other-way = Try another way: it has a count of its own.
wait-known-browser = Use a browser in which you signed in before, if one is at hand: it has a count of its own, too.
wait-not-you = If it was not you who tried, tell { $support }.
busy-title = One moment
busy = Many people are signing in at this moment. Try again in a few seconds.

## Dead ends

over-title = Start the sign-in again
over = This sign-in is over: it was finished, or it took too long. Start it again.
already-signed-in-title = You have already signed in
already-signed-in = You are signed in as { $user }. There is nothing more to do here.
other-session-title = Somebody else signed in meanwhile
other-session = You are signed in as { $user } now. The page you used was made for another account.
other-sign-in-title = Another sign-in was begun
other-sign-in = A sign-in as { $user } was begun in this browser. The page you used was made for another account.
other-nothing-done = Nothing was done with what you sent.
cookie-title = Your browser did not keep our cookie
cookie-needed = A sign-in needs a cookie, and your browser did not send it back. Until it does, signing in again leads here again.
cookie-local-http = This address begins with http://. Some browsers keep this cookie for https:// only, even on your own machine. Try another browser.
cookie-http = This address begins with http://. Browsers keep this cookie for https:// only. Open https://{ $host } instead.
cookie-allow = In the settings of your browser, allow cookies for { $host }. If an extension or a private window blocks them, switch it off for this site.
loop-title = This page keeps asking you to sign in
loop-sent-round = You were sent to { $place } { $count } times in a row, and each time it sent you back here to sign in.
loop-stopped = We stopped, so that this does not go on for ever. You did nothing wrong, and a new password or code does not help.
loop-tell = Tell { $support }, with the reference below.
loop-once-more = Try once more

## Challenges where no redirect can lead to the sign-in

challenge-wanted = { $wanted ->
    [step-up] A second step
    [proof] Another proof that it is you
   *[sign-in] A sign-in
}
challenge-frame-title = { $wanted ->
    [step-up] A second step is needed
    [proof] A proof is needed
   *[sign-in] Your session ended
}
challenge-frame = { challenge-wanted } is needed for this part of the page. It opens in the whole window.
challenge-frame-form = What you were sending from this part of the page is not kept: copy what you typed before you go on, and send it again after that.
challenge-first-title = { challenge-wanted } is needed first
challenge-long-address = The address of this page is too long to be kept meanwhile.
challenge-long-address-how = The link opens a new window. When you are done there, come back to this window and load it again.
challenge-form-title = Your form was not sent
challenge-form = { challenge-wanted } is needed before this form can be sent.
challenge-form-long-address = Its address is too long for it to be kept meanwhile.
challenge-form-elsewhere = It came from another site, and forms of other sites are not kept: when you are done, send it from there again.
challenge-form-other-type = What it sends is of a type that is not kept meanwhile.
challenge-form-too-large = It is larger than { $size }, and cannot be kept meanwhile. Files that it sends must be chosen again.
challenge-form-full = As many forms wait already as can be kept. Send or discard one that waits, or come back in a quarter of an hour.
challenge-form-how = Your browser may still have what you typed. The link opens a new window: when you are done there, come back to this window, go back one page and send the form again.
challenge-unshown = You would have to see what is sent before you prove that it is you, and what you sent was not kept, so it cannot be shown. It did not reach the app.
challenge-unshown-elsewhere = It came from another site, and forms of other sites are not kept.
challenge-unshown-here = Send it from a page of the app itself.
challenge-unshown-later = After that, go back one page and send this form again.
challenge-unshown-how = Your browser may still have what you typed, one page back. Sent again as it is, it would end here again: change what stands in its way, or ask the people who run this service.
challenge-unshown-frame = From a part of a page nothing can be kept. Open that part in a window of its own and send it there, or ask the people who run this service.
challenge-link = { $wanted ->
    [step-up] Confirm it is you
    [proof] Confirm it is you
   *[sign-in] Sign in
}
challenge-grpc = { challenge-wanted } is needed

## Forms that are kept meanwhile

form-kept-title = Your form was kept
form-kept-fields = The form that you were sending to <strong class="place">{ $place }</strong> ({ $size }) has not been sent yet.
form-kept-files = The form with files that you were sending to <strong class="place">{ $place }</strong> ({ $size }) has not been sent yet.
form-kept-when = It was kept { $since }, and is kept for a quarter of an hour. It is sent once.
form-send = Send it now
form-discard = Discard it
form-discarded-title = Your form was discarded
form-discarded = Nothing was sent.
done-title = Done
done-close = You can close this window, and go on where you were.
done-asked = It was about <strong>{ $place }</strong>.
form-gone-title = This form is not waiting any more
form-gone = It was sent or discarded before, or its quarter of an hour is over. Nothing was sent now.
form-gone-how = If you do not know whether it arrived, look in the app first; then fill it in again.
form-of-another-title = This form is not yours to send
form-of-another = It was kept for another account, or for a sign-in that has ended. Nothing was sent.
form-undelivered-title = Your form could not be delivered
form-undelivered = The app could not be reached, and nothing of your form was sent.
form-undelivered-how = It is kept again. Wait a moment, and go back to it.
form-altered-title = Your form was changed on its way
form-altered = Something between your browser and this site changed what was sent, so none of it reached the app.
form-altered-how = Your form still waits for the rest of its quarter of an hour: go back one page, and send it from another network if this happens again.
form-unanswered-title = Your form may have arrived
form-unanswered = It was sent to the app, which did not answer properly. Nobody here knows whether it took the form, so it is not sent again.
form-unanswered-how = Look in the app whether it arrived. Fill it in again only if it did not.

## Refusals

refusal-title = You cannot open this page
refusal-user = { $user } cannot open { $path }.
refusal-nobody = { $path } cannot be opened.
refusal-closed = It is closed to everybody.
refusal-closed-mistake = If that is a mistake, tell { $support }.
refusal-audience-some = It is open to certain people only.
refusal-audience-group = It is open to the group { $group }.
refusal-audience-groups = It is open to the groups { $groups }.
refusal-audience-ask = If you need it, ask { $support }.
refusal-risk = We do not recognise this network or device.
refusal-risk-usual = Use a network and a device that you use often.
refusal-risk-ask = If you cannot, ask { $support }.
refusal-other-site = It was asked for by a page of another site.
refusal-other-site-trusted = If you trust that page and need what it does, tell { $support }.
refusal-nothing-there = There is nothing at this address.
refusal-nothing-open = Nothing is open to anybody at this address.
refusal-check-address = Check the address.
refusal-address-right = If it is right, tell { $support }.
refusal-what-to-do = What you can do
refusal-grpc = Access is refused
unattainable-wanted = This page asks for { $methods }.
unattainable-owned = You have { $methods }. That is not enough here.
unattainable-useless = What is missing cannot be set up here, so signing in again does not help.
unattainable-ask = Ask { $support } for another way to do what you want to do here.
unattainable-sign-in = Sign in without opening this page
unattainable-grpc = A factor is needed that cannot be set up here

## Faults and limits, for people

fault-bad-request-title = The request could not be read
fault-bad-request = Check the address, or go back and try again.
fault-odd-address-title = This address is unusual
fault-odd-address = Apps read addresses that are written like this in different ways, so it was not passed on. If you typed it, check it. If you followed a link, tell { $support } which one, and the reference below.
fault-not-found-title = Page not found
fault-not-found = Check the address. Nothing is kept here.
fault-method-title = This address works in another way
fault-method = Go back and use the links of the page.
fault-too-slow-title = The request took too long
fault-too-slow = Check your connection, then try again.
fault-too-large-title = What you sent is too large
fault-too-large = The most that can be sent here is { $size }. Send less at once.
fault-misdirected-title = This address is not served here
fault-misdirected = Check the address. If it is right, load the page again in a new window.
fault-too-many-title = Too many requests
fault-too-many = Wait { $duration }, then try again.
fault-headers-title = Your browser sent too much with this request
fault-headers = Delete the cookies of this site, then try again.
fault-bad-gateway-title = The app did not answer properly
fault-bad-gateway = Your sign-in is not affected. Try again in a moment.
fault-unavailable-title = The sign-in service is not reachable
fault-unavailable = Try again in a moment. Who is signed in stays signed in.
fault-no-upstream-title = The app is not running
fault-no-upstream = Your sign-in is not affected. Try again in a moment.
fault-gateway-timeout-title = The app did not answer in time
fault-gateway-timeout = Your sign-in is not affected. Try again in a moment.
fault-length-title = This cannot be sent like this
fault-length = The request does not say how long it is. Send it again from the page of the app: a browser says it by itself. A form of more than 64 KiB that a script of the app sends in pieces cannot be approved; the people who run this service can have the app send it whole.
fault-media-type-title = This kind of content is not read here
fault-media-type = Send a form from our page, or JSON to the API.
fault-altered-content-title = This content can be read in more than one way
fault-altered-content = It was approved as it was shown, and so it is not sent. Go back, and send it again from the page.
fault-cross-site-title = This request came from another site
fault-cross-site = Open the page here yourself, then send it again.
fault-insecure-title = This address is not secure
fault-insecure = It begins with http://. Signing in works with https:// only. Open https://{ $host } instead.
fault-no-origin-title = Your browser does not say where this form comes from
fault-no-origin = Update it, or use another browser. Nothing was sent on.

## Problems, for scripts and whoever writes them

problem-bad-request-title = The request cannot be read in one way only.
problem-bad-request = The log of the gateway names the reason under this request id; `stepgate explain` does too.
problem-not-found-title = There is nothing at this address.
problem-not-found = The calls are listed in /.stepgate/api/openapi.json.
problem-method-title = This method is not served here.
problem-method = `Allow` lists those that are.
problem-too-slow-title = The request did not arrive in time.
problem-too-slow = Send it again at once, or in smaller parts.
problem-too-large-title = The body is too large.
problem-too-large = Send a smaller one; `limit` is the largest, in bytes.
problem-misdirected-title = This connection does not serve that host.
problem-misdirected = Check `Host` and the server name of TLS.
problem-too-many-title = Too many requests.
problem-too-many = Send the next one after the seconds in `Retry-After`.
problem-headers-title = The header fields are too large.
problem-headers = Send fewer and shorter fields and cookies.
problem-bad-gateway-title = The app broke the connection or its answer.
problem-bad-gateway = Repeat what may be repeated after the seconds in `Retry-After`.
problem-unavailable-title = A store of the gateway does not answer.
problem-unavailable = Nothing was decided. Repeat the request after the seconds in `Retry-After`.
problem-no-upstream-title = No server of the app is up.
problem-no-upstream = Repeat the request after the seconds in `Retry-After`.
problem-gateway-timeout-title = The app did not answer in time.
problem-gateway-timeout = Repeat what may be repeated after the seconds in `Retry-After`.
problem-length-title = The length of the body must be announced.
problem-length = Send it again with `Content-Length` in place of `Transfer-Encoding: chunked`: a body that a proof is bound to is read before it is sent on, and without a length only 64 KiB of it can be. The proof was not used up.
problem-media-type-title = The body is of a type that is not read here.
problem-media-type = Send `Content-Type: application/json`.
problem-altered-content-title = The body can be read in more than one way.
problem-altered-content = A proof for one transaction is for its bytes as the app reads them: send one `Content-Type` at most, and neither `Content-Encoding` nor `Content-Range`.
problem-cookie-required-title = Only a browser's session is taken to another host; scripts sign in on the host of the app.
problem-cross-site-title = A call by cookie was sent from another site.
problem-cross-site = Send `Sec-Fetch-Site: same-origin` or an `Origin` of this host, or a bearer token in place of the cookie.
problem-not-signed-in-title = There is no live session.
problem-not-signed-in = Send `Authorization: Bearer <access_token>`; a login gives one.
problem-too-many-attempts-title = Too many attempts.
problem-too-many-attempts = The next one is judged after the seconds in `retry_after`; one before that is not looked at.
problem-refused-title = Access is refused.
problem-unattainable-title = A factor is needed that cannot be set up here.
problem-step-up-title = A second step is needed.
problem-proof-title = Another proof is needed.
problem-transaction-detail = Show the person what is sent, and ask for their proof in this page: `POST /.stepgate/api/v1/elevate` with `for` gives a slip for it, which is sent along as `Stepgate-Slip`.
problem-uncounted-detail = The passkey that was used may be copied to other devices, and does not count here: only one that stays on its device does, or a security key, as `methods` says.
problem-sign-in-title = A sign-in is needed.
problem-preflight-origin-title = This origin is not in the list of the rule.
problem-preflight-method-title = This method is not in the list of the rule.
problem-preflight-header-title = A header is not in the list of the rule.
problem-not-an-object-title = The body is not a JSON object.
problem-not-json-title = The body is not JSON (line { $line }, column { $column }).
problem-missing-field-title = The field `{ $field }` is missing.
problem-field-title = A field is missing or of the wrong type (line { $line }, column { $column }).
problem-strength-title = `strength` is not one of those documented.
problem-credentials-missing-title = `username` and `password` are needed, or HTTP Basic.
problem-method-unknown-title = `method` is not one of those documented.
problem-locked-title = This factor is switched off after too many wrong codes. An administrator can switch it on again.
problem-locked-others-title = This factor is switched off after too many wrong codes. Another one of `methods` switches it on again.
problem-busy-title = Many people are signing in at this moment.
problem-wrong-password-title = The password is not correct.
problem-wrong-credentials-title = The user name or the password is not correct.
problem-wrong-passkey-title = The passkey proves nothing here.
problem-no-passkey-title = There is no passkey that could be used here.
problem-no-passkeys-here-title = There are no passkeys at this host.
problem-passkey-needed-title = Without this passkey, what is open to you now could not be opened any more.
problem-unknown-field-title = The owner of an account cannot change this field.
problem-unfit-name-title = A name has 1 to 100 characters that can be seen; `null` takes it away.
problem-before-title = `before` is no `next` of a page of activity.
problem-which-sessions-title = Say which sessions: `others=true`, or the id of one in the path.
problem-passkey-name-title = A name has 1 to 64 characters.
problem-proof-missing-title = Give a code, or an assertion for a passkey.
problem-recover-whom-title = Give `username` or `email`, one of them.
problem-recovery-off-title = Nobody recovers here without an administrator.
problem-recovery-done-title = That is done already.
problem-recovery-under-way-title = Another request finishes this recovery at this moment; try again in a few seconds.
problem-recovery-not-allowed-title = What was proved is not enough to set that.
problem-nothing-to-set-title = Say what is to be set: `password`, `totp_code` or `backup_codes`.
problem-second-proof-or-wait-title = A second proof is needed. Give one of `methods` as `second`, or say `wait: true` to wait in its place.
problem-no-recovery-title = Give the `ceremony` of `recover/verify`, in the body or as `Authorization: Ceremony`.
problem-recovery-over-title = The recovery is over; begin again with `recover`.
problem-second-proof-title = A second proof is needed, or an administrator.
problem-wrong-code-title = The code is not correct.
problem-clock-title = The clock of the authenticator is off.
problem-for-url-title = `for.url` is no address of this host that can be read in one way only.
problem-for-url = Give the address of the request as it will be sent: a path with its query, or a URL of this host.
problem-for-body-title = `for.body_sha256` is missing or is no SHA-256 in hexadecimal digits.
problem-for-body = The rule binds a proof to the body as well: give the SHA-256 of the bytes that will be sent, in 64 hexadecimal digits.
problem-for-body-digits = Give the SHA-256 of the bytes that will be sent, in 64 hexadecimal digits.
problem-never-passes-title = No proof lets this request through.
problem-never-passes = Nothing was spent. Its rule does not admit you, or it is one that passes by no slip: HEAD and OPTIONS never do, and COPY, MOVE and method overrides do not where `transaction` is asked for.
problem-never-passes-body = Nothing was spent. A GET has no body: leave `for.body_sha256` out.
problem-not-bound-title = No rule asks for a proof for one request there.
problem-not-bound = Leave out `for`: the session is enough.
problem-method-not-accepted-title = This proof does not count for that request.
problem-method-not-accepted = Prove one of `methods`.
problem-link-over-title = The link is none, was used, or is too old; ask for another one.
problem-deleted-already-title = The account of this link is deleted already.
problem-address-missing-title = There is no confirmed mail address to send the link to; add one, or ask an administrator.
problem-links-off-title = No links to sign in are sent here.
problem-ceremony-over-title = The ceremony is over; begin with a login.
problem-prove-first-title = Prove something first.
problem-no-second-factor-title = Backup codes stand for a second factor, and none is set up.
problem-no-code-title = No code waits: none was sent, or it was used, or its time is over. Ask for another one.
problem-code-used-up-title = Too many wrong codes. No code is looked at here for a while.
problem-channel-unknown-title = `channel` is not one of those documented.
problem-channel-off-title = No codes are sent that way here.
problem-address-malformed-title = This is no mail address, or no phone number in international form.
problem-number-kind-title = No text message is sent to numbers of this kind.
problem-number-country-title = No text message is sent to numbers of this country.
problem-address-known-title = The address is confirmed already.
problem-too-many-addresses-title = Remove an address of this channel first: there are as many as possible.
problem-address-taken-title = The address is of another account.
problem-address-needed-title = A rule that binds this account could not be met without the address.
problem-already-made-title = Another call made new backup codes a moment ago. Only its answer tells them.
problem-already-done-title = This was done a moment ago.
problem-mfa-off-title = There is no second factor to turn off.
problem-mfa-needed-title = A rule that applies to you, or the sign-in itself, needs it.
keep-sessions = Stay signed in on my other devices and browsers
turn-off-title = Turn off two-step sign-in
turn-off-whose = For <strong>{ $user }</strong> on { $host }.
turn-off-what = Your authenticator app, your passkeys and your backup codes no longer count. Your password alone signs in then, and whoever knows it is in.
turn-off-do = Turn it off
turn-off-keep = Keep it on
turn-off-done-title = Two-step sign-in is off
turn-off-needed-title = It cannot be turned off
turn-off-needed = The rule “{ $rule }” binds you and asks for a second step.
turn-off-last = Nothing would be left that you could sign in with. Set a password first.
turn-off-already-title = There is nothing to turn off
turn-off-already = You sign in with your password alone.
mfa-off-reminder = Two-step sign-in is off. Delete the entry of this account in your authenticator app, too: its codes are of no use any more.

## Letters: mails and text messages

letter-code-subject = { $name }: your code for { $host }
letter-code-use = Enter this code to go on signing in at { $host }:
letter-code-otherwise = If you are not signing in at this moment, somebody else is, and may know your password: change it, and tell your support.
letter-code-short = { $name }: { $code } is your code to sign in at { $host }, good for { $minutes ->
    [one] { $minutes } minute
   *[other] { $minutes } minutes
}.
letter-confirm-subject = { $name }: confirm this address for { $host }
letter-confirm-use = Somebody who is signed in at { $host } wants to use this address for codes. If it was you, enter this code there:
letter-confirm-otherwise = If it was not you, there is nothing to do: without the code the address is not used.
letter-confirm-short = { $name }: { $code } confirms this number at { $host }, good for { $minutes ->
    [one] { $minutes } minute
   *[other] { $minutes } minutes
}.
letter-good-for = The code is good for { $minutes ->
    [one] { $minutes } minute
   *[other] { $minutes } minutes
}, and once.
letter-do-not-share = Do not share this code. Nobody who helps you will ask for it.
letter-sign-up-subject = { $name }: confirm your address for { $host }
letter-sign-up-use = Somebody, hopefully you, asked for an account at { $host } with this address. Open this page and press its button to make the account:
letter-sign-up-otherwise = If it was not you, there is nothing to do: without this letter no account comes about.
letter-taken-subject = { $name }: you have an account for { $host } already
letter-taken-use = Somebody, hopefully you, asked for an account at { $host } with this address, which has one already. Sign in here:
letter-taken-otherwise = If it was not you, nothing has changed: nobody was told that there is an account.
letter-invitation-subject = { $name }: an invitation to { $host }
letter-invitation-use = You are invited to make an account at { $host }. Open this page and press its button:
letter-invitation-otherwise = If you did not expect this, ask who sent it before you open the page.
letter-link-subject = { $name }: your link to sign in at { $host }
letter-link-use = Open this page in the browser in which you asked for it, and press its button, to go on signing in at { $host }:
letter-link-otherwise = If you are not signing in at this moment, somebody else gave your address. The link alone signs nobody in; tell your support if it goes on.
letter-recovery-subject = { $name }: begin to recover your account at { $host }
letter-recovery-use = Somebody, hopefully you, cannot sign in at { $host } and gave your name. Open this page and press its button to go on:
letter-recovery-otherwise = If it was not you, somebody tries to get into your account: leave the link unused and tell your support.
letter-recovery-waits-subject = { $name }: somebody asks for a new password at { $host }
letter-recovery-waits-use = Somebody reads your mail and asks for a new password for your account at { $host }, because they cannot sign in. In { $span } they may set one. If it was not you, open this page before that and press its button, which ends it:
letter-recovery-waits-otherwise = If it was you: wait, then ask for a code again at the sign-in page. A second factor that you have stays what it is.
letter-deletion-subject = { $name }: delete your account at { $host }
letter-deletion-use = Your account at { $host } is to be deleted. Open this page and press its button to delete it for good:
letter-deletion-otherwise = If it was not you, somebody is signed in as you: sign in, sign out everywhere, change your password, and tell your support.
letter-link-code = Or enter this there:
letter-link-good-for = The link is good for { $span }, and once.
letter-link-do-not-share = Do not pass this link on. Nobody who helps you will ask for it.

## Letters about what happened to an account

notice-when = When:
notice-where = From where:
notice-browser = Browser:
notice-script = a script or a command
notice-place = { $address } ({ $known })
notice-by-operator = by an operator of the service
notice-known = If it was you, you need do nothing more.
notice-known-locked = If it was you: sign in by another factor, which switches this one on again, or ask your support.
notice-known-password-locked = If it was you: wait a while, or sign in with a browser that you have used before.
notice-known-backup-code = If it was you: { $left ->
    [0] no backup code is left; make new ones on the page of your account.
    [one] 1 backup code is left; make new ones on the page of your account.
   *[other] { $left } backup codes are left.
}
notice-known-recovery = If it was you, it can be finished from { $moment } on.
notice-not-you = If it was not you, open this page and press its button. That signs everybody out of your account at once, and the page says what to do next:
notice-link-good-for = The link is good for 7 days, and once. It signs nobody in. Do not pass it on.
notice-new-browser-subject = { $name }: a new browser signed in at { $host }
notice-new-browser = Somebody signed in as { $user } at { $host } with a browser that was not known for this account.
notice-factor-added-subject = { $name }: a way to sign in was added to your account
notice-factor-added = Somebody who is signed in as { $user } at { $host } has set up { $method } for this account.
notice-factor-removed-subject = { $name }: a way to sign in was removed from your account
notice-factor-removed = Somebody has removed { $method } from the account { $user } at { $host }.
notice-mfa-disabled-subject = { $name }: two-step sign-in was switched off
notice-mfa-disabled = All second factors of the account { $user } at { $host } were removed. A password alone signs in now where that is enough.
notice-codes-made-subject = { $name }: new backup codes were made
notice-codes-made = New backup codes were made for the account { $user } at { $host }. Any older ones are of no use now.
notice-code-used-subject = { $name }: a backup code was used at { $host }
notice-code-used = A backup code of the account { $user } was used at { $host }.
notice-password-subject = { $name }: your password was changed
notice-password = The password of the account { $user } at { $host } was changed.
notice-address-added-subject = { $name }: an address was added to your account
notice-address-added = { $address } was confirmed as an address of the account { $user } at { $host }. Codes and letters like this one go there now.
notice-address-removed-subject = { $name }: an address was removed from your account
notice-address-removed = { $address } was removed from the account { $user } at { $host }.
notice-recovery-begun-subject = { $name }: somebody wants to recover your account
notice-recovery-begun = Somebody says that they cannot sign in as { $user } at { $host }, and has begun to recover the account. Whoever finishes it sets a new password.
notice-recovery-cancelled-subject = { $name }: the recovery of your account was stopped
notice-recovery-cancelled = The recovery of the account { $user } at { $host } that somebody had begun was stopped. Nothing was changed by it.
notice-recovery-finished-subject = { $name }: your account was recovered
notice-recovery-finished = The account { $user } at { $host } was recovered: what it is signed in by was set anew, and all sessions ended.
notice-locked-subject = { $name }: a way to sign in was switched off
notice-locked = There were too many wrong codes for the account { $user } at { $host }. So { $method } of this account was switched off. Whoever entered them may know the password.
notice-password-locked-subject = { $name }: too many wrong passwords
notice-password-locked = There were too many wrong passwords for the account { $user } at { $host }. So browsers that have not been used for it before are slowed down. You are told of this once a day at most.
notice-disabled-subject = { $name }: your account was disabled
notice-disabled = The account { $user } at { $host } was disabled. Nobody can sign in with it.
notice-deleted-subject = { $name }: your account was deleted
notice-deleted = The account { $user } at { $host } was deleted, with all that it was signed in by.

## The page behind the link of such a letter

disown-title = Was it somebody else?
disown-what = The letter of { $moment } told you what happened to your account. If it was not you, say so here. Then:
disown-ends = Everybody is signed out of this account, on all devices, you too.
disown-say = This was not me
disown-done-title = Everybody is signed out
disown-done = { $count ->
    [0] Nobody was signed in to your account.
    [one] 1 session of your account has ended.
   *[other] { $count } sessions of your account have ended.
} What is left to do:
disown-next-password = Sign in, and change your password to one that you use nowhere else.
disown-next-factors = On the page of your account, remove each address, passkey and app that is not yours, and make new backup codes.
disown-next-support = If you cannot sign in, or something is there that you do not know, tell { $support }.
disown-gone-title = This link is of no use any more
disown-gone = It was used, or is older than 7 days. If somebody else uses your account, sign in, sign out everywhere, and tell { $support }.
disown-account-gone-title = This account is gone
disown-account-gone = Nobody can sign in with it any more. If it was not you who deleted it, tell { $support } at once.
