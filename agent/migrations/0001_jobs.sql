-- Deliveries, wishes, jobs with their journals, the outbox, the audit log.
-- One text for both databases: @ID@ and @BYTES@ are replaced (store/schema.rs). Times are milliseconds since 1970, truths are 0 and 1.

CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE deliveries (
    seq @ID@,
    guid TEXT NOT NULL UNIQUE,
    event TEXT NOT NULL,
    action TEXT,
    installation BIGINT,
    repository BIGINT,
    body @BYTES@ NOT NULL,
    received_at BIGINT NOT NULL,
    times BIGINT NOT NULL,
    state TEXT NOT NULL,
    note TEXT
);
CREATE INDEX deliveries_pending ON deliveries (seq) WHERE state = 'pending';
CREATE INDEX deliveries_received ON deliveries (received_at);

CREATE TABLE jobs (
    id TEXT NOT NULL PRIMARY KEY,
    installation BIGINT NOT NULL,
    repository BIGINT NOT NULL,
    issue BIGINT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    priority BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    request TEXT NOT NULL,
    base TEXT,
    budget TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    lost BIGINT NOT NULL,
    -- Set while a worker has the job; the token stays and only rises.
    lease_worker TEXT,
    lease_token BIGINT NOT NULL,
    lease_until BIGINT,
    cancel TEXT,
    pause BIGINT NOT NULL,
    note TEXT,
    outcome TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX jobs_waiting ON jobs (priority DESC, id) WHERE state IN ('queued', 'parked');
CREATE INDEX jobs_leased ON jobs (installation, repository) WHERE lease_until IS NOT NULL;
CREATE INDEX jobs_of_issue ON jobs (repository, issue);

CREATE TABLE wishes (
    seq @ID@,
    repository BIGINT NOT NULL,
    issue BIGINT NOT NULL,
    trigger_kind TEXT NOT NULL,
    trigger_object TEXT NOT NULL,
    occurrence TEXT NOT NULL,
    -- The delivery that brought it first; none for a sweep or the command line.
    guid TEXT,
    job TEXT NOT NULL REFERENCES jobs (id),
    -- 1 while the job that was made for it has not ended.
    active BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (repository, issue, trigger_kind, trigger_object, occurrence)
);
CREATE UNIQUE INDEX wishes_active ON wishes (repository, issue, trigger_kind, trigger_object) WHERE active = 1;
CREATE INDEX wishes_of_delivery ON wishes (guid);
CREATE INDEX wishes_of_job ON wishes (job);

CREATE TABLE events (
    job TEXT NOT NULL REFERENCES jobs (id),
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (job, seq)
);

CREATE TABLE outbox (
    id @ID@,
    key TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    installation BIGINT NOT NULL,
    repository BIGINT NOT NULL,
    job TEXT REFERENCES jobs (id),
    on_failure TEXT NOT NULL,
    not_before BIGINT NOT NULL,
    state TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    remote_id TEXT,
    error TEXT,
    lease_holder TEXT,
    lease_token BIGINT NOT NULL,
    lease_until BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX outbox_open ON outbox (installation, id) WHERE state IN ('planned', 'sent');
CREATE INDEX outbox_of_job ON outbox (job, id);

CREATE TABLE audit (
    seq @ID@,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    decision TEXT NOT NULL,
    reason TEXT NOT NULL,
    installation BIGINT,
    repository BIGINT,
    job TEXT,
    detail TEXT NOT NULL
);
CREATE INDEX audit_of_job ON audit (job, seq);
