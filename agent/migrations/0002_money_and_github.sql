-- The ledger, models' replies, and what was made on GitHub and learned of it.

CREATE TABLE spend (
    id @ID@,
    job TEXT NOT NULL REFERENCES jobs (id),
    repository BIGINT NOT NULL,
    installation BIGINT NOT NULL,
    micro_usd BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    container_seconds BIGINT NOT NULL,
    -- 0 while the amounts are what was set aside, 1 when they are what was spent.
    settled BIGINT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX spend_of_job ON spend (job);
CREATE INDEX spend_of_repository ON spend (repository, at);
CREATE INDEX spend_of_installation ON spend (installation, at);

CREATE TABLE model_calls (
    job TEXT NOT NULL REFERENCES jobs (id),
    request TEXT NOT NULL,
    reply TEXT NOT NULL,
    micro_usd BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    container_seconds BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (job, request)
);

CREATE TABLE pulls (
    repository BIGINT NOT NULL,
    number BIGINT NOT NULL,
    issue BIGINT NOT NULL,
    job TEXT NOT NULL REFERENCES jobs (id),
    branch TEXT NOT NULL,
    head TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (repository, number)
);
CREATE INDEX pulls_of_issue ON pulls (repository, issue);

CREATE TABLE comments (
    repository BIGINT NOT NULL,
    issue BIGINT NOT NULL,
    purpose TEXT NOT NULL,
    comment BIGINT NOT NULL,
    job TEXT REFERENCES jobs (id),
    PRIMARY KEY (repository, issue, purpose)
);

-- One JSON record each: they are read whole and by id.
CREATE TABLE repositories (
    id BIGINT NOT NULL PRIMARY KEY,
    installation BIGINT NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX repositories_of_installation ON repositories (installation);

CREATE TABLE installations (
    id BIGINT NOT NULL PRIMARY KEY,
    record TEXT NOT NULL
);

CREATE TABLE permissions (
    repository BIGINT NOT NULL,
    person BIGINT NOT NULL,
    level TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    PRIMARY KEY (repository, person)
);
