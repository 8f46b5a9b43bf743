-- Operators are users with a role, since then; only a command with access to this database gives it and takes it away.
alter table users add column operator_since timestamptz;
create index operators on users (username) where operator_since is not null;

-- Of what operators do, an entry also says to what and why. It is written before it is done ('begun'), and told its end after.
alter table audit_trail
  add column target text,
  add column why text,
  add column ended_at timestamptz,
  drop constraint audit_trail_outcome_check,
  add constraint audit_trail_outcome_check check (outcome in ('begun', 'done', 'refused', 'failed'));
create index audit_trail_of_target on audit_trail (target, at) where target is not null;
