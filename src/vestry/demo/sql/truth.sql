-- What the systems fill as they are written: whose each record is, and which home each address is.
CREATE TABLE truth_record (system VARCHAR, "table" VARCHAR, record_id VARCHAR, person_id BIGINT, faults VARCHAR[]);
CREATE TABLE truth_address (system VARCHAR, "table" VARCHAR, record_id VARCHAR, uprn VARCHAR);
-- Records that carry a flag of protection.
CREATE TABLE sealed_record (system VARCHAR, record_id VARCHAR, person_id BIGINT);
