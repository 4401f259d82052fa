-- The day of the data, not of the clock: the last on which any system tells of something new.
SELECT greatest(
    (SELECT greatest(max(reported_on), max(completed_on)) FROM housing.repairs.repair),
    (SELECT max(started_on) FROM housing.tenancies.tenancy),
    (SELECT max(opened_on) FROM revenues.council_tax.account),
    (SELECT max(contacted_on) FROM adults.contacts.contact)
) AS as_of
