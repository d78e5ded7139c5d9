-- What `file` and the next start know the database by: "dplh".
pragma application_id = 0x64706c68;

create table meta (
  key text primary key,
  value text not null
) strict, without rowid;

create table deliveries (
  id integer primary key autoincrement,
  webhook text not null,
  provider text not null,
  provider_id text,
  id_is_signed integer not null check (id_is_signed in (0, 1)),
  -- SHA-256 of the raw body; the body itself is in `bodies`, for as long as it is kept.
  body_hash blob not null check (length(body_hash) = 32),
  -- Which of the webhook's secrets proved it.
  secret integer not null,
  event text,
  received_at text not null,
  remote_address text not null,
  headers text not null check (json_valid(headers)),
  result text not null check (result in ('accepted', 'duplicate', 'ignored', 'malformed')),
  reason text,
  duplicate_of integer references deliveries (id),
  -- The delivery that a person had judged again; that one came, this one did not.
  replay_of integer references deliveries (id),
  repository text,
  ref text,
  after text,
  pusher text,
  -- [{app, reason}]: every app it reached; reason null: deployed.
  apps text not null check (json_valid(apps)),
  check ((result = 'accepted') = (reason is null)),
  check (result <> 'duplicate' or duplicate_of is not null)
) strict;

-- One original per delivery; a redelivery that deployed again names it in duplicate_of.
create unique index original_by_id on deliveries (webhook, provider_id)
  where result = 'accepted' and duplicate_of is null;
create unique index original_by_body on deliveries (webhook, body_hash)
  where result = 'accepted' and duplicate_of is null and id_is_signed = 0;
-- What may be forgotten by age and count.
create index without_deployment on deliveries (id) where result <> 'accepted';
create index deliveries_by_webhook on deliveries (webhook);
create index deliveries_by_provider_id on deliveries (provider_id);
create index redeliveries on deliveries (duplicate_of) where duplicate_of is not null;
create index replays on deliveries (replay_of) where replay_of is not null;

-- The apps that a delivery reached without deploying them, for the listing by app; the others have deployments.
create table passed_by (
  app text not null,
  delivery integer not null references deliveries (id) on delete cascade,
  primary key (app, delivery)
) strict, without rowid;
create index passed_by_delivery on passed_by (delivery);

create trigger note_passed_by after insert on deliveries when new.apps like '%"reason":"%' begin
  insert or ignore into passed_by (app, delivery)
    select value ->> 'app', new.id from json_each(new.apps) where value ->> 'reason' is not null;
end;

-- Bodies of verified deliveries, compressed: apart from their rows, so that listings stay light.
create table bodies (
  delivery integer primary key references deliveries (id),
  -- In bytes, as kept. It stands before the body: SQLite reads a row from its front.
  size integer not null,
  body blob not null check (length(body) = size)
) strict;
create index bodies_by_size on bodies (delivery, size);

-- When a secret last proved a delivery. `secret` identifies it and does not tell it.
create table secret_uses (
  webhook text not null,
  secret text not null,
  last_used_at text not null,
  primary key (webhook, secret)
) strict, without rowid;

create table deployments (
  id integer primary key autoincrement,
  app text not null,
  trigger text not null,
  kind text not null check (kind in ('automatic', 'person')),
  ref text not null,
  requested_revision text check (length(requested_revision) in (40, 64)),
  revision text check (length(revision) in (40, 64)),
  adopt integer not null check (adopt in (0, 1)),
  -- Whether requested_revision itself is deployed, not the tip.
  exact integer not null default 0 check (exact in (0, 1) and (exact = 0 or requested_revision is not null)),
  -- Whether neither a freeze nor the quarantine keeps it back.
  forced integer not null default 0 check (forced in (0, 1)),
  -- A person's word for an automatic one.
  approved_at text,
  approved_by text,
  -- Which person asked for it, and why, in their words.
  asked_by text,
  note text,
  delivery integer references deliveries (id),
  -- The order of the queue: what supersedes another takes its place.
  place integer not null,
  state text not null check (state in ('queued', 'running', 'done')),
  outcome text check (
    outcome in ('succeeded', 'failed', 'timed_out', 'cancelled', 'interrupted', 'superseded', 'skipped', 'rolled_back')
  ),
  reason text,
  message text,
  -- Named before it is there: the index below allows one queued of each kind.
  superseded_by integer references deployments (id) deferrable initially deferred,
  -- How often it was started, and how often the daemon died during it.
  attempts integer not null default 0,
  deaths integer not null default 0,
  -- A person's wish to end it, answered 202: kept, so that the daemon's death does not forget it.
  cancel_requested integer not null default 0 check (cancel_requested in (0, 1)),
  -- Where and as what it runs or last ran, as the deploy map said when it was claimed.
  concurrency_group text,
  real_path text,
  fingerprint text,
  queued_at text not null,
  started_at text,
  finished_at text,
  -- What it made live; of a rollback, from the start, what it goes back to.
  release text,
  check ((state = 'done') = (outcome is not null)),
  check ((state = 'done') = (finished_at is not null)),
  check (superseded_by is null or outcome = 'superseded'),
  check (
    state <> 'running'
    or (attempts > 0 and started_at is not null and concurrency_group is not null and real_path is not null and fingerprint is not null)
  )
) strict;

-- One at a time.
create unique index one_running_per_group on deployments (concurrency_group) where state = 'running';
create unique index one_running_per_app on deployments (app) where state = 'running';
create unique index one_running_per_path on deployments (real_path) where state = 'running';
create unique index one_queued_per_kind on deployments (app, kind) where state = 'queued';
create index deployments_by_state on deployments (state, place);
create index deployments_by_app on deployments (app);
-- For what may be forgotten: what is live of an app, and what names another.
create index ended on deployments (app, outcome) where outcome is not null;
create index deployments_by_outcome on deployments (outcome) where outcome is not null;
create index started on deployments (app) where attempts > 0;
create index superseded on deployments (superseded_by) where superseded_by is not null;
create index deployments_by_delivery on deployments (delivery);
create index deliveries_of_app on deployments (app, delivery) where delivery is not null;

create table steps (
  deployment integer not null references deployments (id),
  attempt integer not null,
  number integer not null,
  phase text not null check (
    phase in ('build', 'before_switch', 'preview', 'activate', 'health', 'after', 'rollback')
  ),
  name text not null,
  exit_code integer,
  signal text,
  started_at text not null,
  finished_at text,
  primary key (deployment, attempt, number)
) strict, without rowid;

-- What is to be told outside of a deployment: made by whatever ends it, in the same transaction.
create table reports (
  id integer primary key autoincrement,
  deployment integer not null references deployments (id) on delete cascade,
  -- Its name in deploy.yml.
  reporter text not null,
  kind text not null,
  state text not null default 'pending' check (state in ('pending', 'sent', 'dead')),
  attempts integer not null default 0,
  made_at text not null,
  next_attempt_at text,
  sent_at text,
  error text,
  unique (deployment, reporter),
  check ((state = 'pending') = (next_attempt_at is not null)),
  check ((state = 'sent') = (sent_at is not null))
) strict;
create index reports_to_send on reports (next_attempt_at) where state = 'pending';
create index reports_of_the_past on reports (made_at) where state <> 'pending';

-- What catch-up last saw of the refs that an app deploys by globs: what is not here, or was elsewhere, has moved since.
create table seen_refs (
  app text primary key,
  -- Repository and globs through which it was seen.
  filter text not null,
  -- The newest deployment of the app at that time; 0: there was none.
  newest integer not null,
  -- {ref: commit}
  tips text not null check (json_valid(tips))
) strict, without rowid;

-- Automatic deployments of the app wait. The newest counts: one that a deployment brings takes the place of those before
-- it when that succeeds, and is taken back when it does not.
create table holds (
  id integer primary key autoincrement,
  app text not null,
  -- What the app is held at.
  release text,
  revision text check (length(revision) in (40, 64)),
  -- Of a hold that one brings: that one; else what is live.
  deployment integer references deployments (id),
  by_hand integer not null check (by_hand in (0, 1)),
  by text,
  reason text,
  at text not null,
  until text not null check (until in ('unhold', 'next_push')),
  check (by_hand = 1 or deployment is not null)
) strict;
create index holds_by_app on holds (app);
create index holds_by_deployment on holds (deployment);

-- Nothing is started, of an app or of any (`*`).
create table freezes (
  scope text primary key,
  -- null: until somebody ends it.
  until text,
  by text,
  reason text,
  at text not null
) strict, without rowid;

-- Revisions that were rolled back: not deployed again but by a person's wish.
create table quarantine (
  app text not null,
  revision text not null check (length(revision) in (40, 64)),
  -- The one that put it there.
  deployment integer not null,
  reason text,
  at text not null,
  primary key (app, revision)
) strict, without rowid;
