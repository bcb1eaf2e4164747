"""The shipped knowledge base: documents of a vendor of archives, in our own words.

Data only. A passage is what a draft can cite: its id is stable, and what a client is
shown of it, page, section and excerpt, stands here.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Document:
    """One document."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a document; below, a row of a table.

    Attributes:
        id: what a client names it by.
        document: where it stands.
        page: counted from 1.
        section: the heading above it.
        text: some sentences, each of which ends in a full stop.
    """

    id: str
    document: Document
    page: int
    section: str
    text: str


_COMPANY = Document("company-profile", "Company profile")
_PLATFORM = Document("platform-architecture", "Platform architecture")
_SECURITY = Document("security-handbook", "Security handbook")
_DELIVERY = Document("delivery-guide", "Delivery guide")
_OPERATIONS = Document("operations-manual", "Operations manual")
_TERMS = Document("commercial-terms", "Commercial terms")
_CASE = Document("harbour-county-case", "Case study: Harbour County archive")

CORPUS = (
    Passage(
        "company-history",
        _COMPANY,
        1,
        "Who we are",
        "The company was founded in 2004 by three archivists and an engineer. "
        "It keeps digital records for towns, courts and hospitals. "
        "Today 140 people work in two offices, 60 of them in engineering.",
    ),
    Passage(
        "company-mission",
        _COMPANY,
        2,
        "What we stand for",
        "A record is only worth keeping if it can still be read in fifty years. "
        "We use open formats wherever one exists and publish the reason where none "
        "does. "
        "No customer has ever lost a record in our care.",
    ),
    Passage(
        "company-customers",
        _COMPANY,
        3,
        "Customers",
        "Ninety-two public bodies in four countries use the platform. "
        "The largest keeps 41 million documents, the smallest 3,000. "
        "Nine of ten customers renewed their contract when it last ended.",
    ),
    Passage(
        "company-team",
        _COMPANY,
        4,
        "The project team",
        "Every project has a named lead, an archivist and a migration engineer. "
        "The lead stays with the customer from the first workshop to the handover. "
        "Substitutes are named in the contract and know the project.",
    ),
    Passage(
        "company-finances",
        _COMPANY,
        5,
        "Financial standing",
        "Revenue grew by eleven percent last year, and the company has no debt. "
        "Two thirds of the revenue come from contracts of three years or more. "
        "Audited accounts are available on request.",
    ),
    Passage(
        "platform-overview",
        _PLATFORM,
        1,
        "Overview",
        "The platform consists of an intake service, a store and a search service. "
        "Each of them can be scaled and replaced without the others. "
        "All of them are reached through one documented interface.",
    ),
    Passage(
        "platform-intake",
        _PLATFORM,
        2,
        "Intake",
        "Documents arrive by upload, by mail or from a watched folder. "
        "Each is checked for viruses, converted to an open format and described. "
        "The intake of one server is 20,000 pages an hour.",
    ),
    Passage(
        "platform-storage",
        _PLATFORM,
        3,
        "Storage",
        "Every document is stored three times in two places. "
        "A checksum is compared once a month, and a damaged copy is replaced from a "
        "sound one. "
        "Storage grows by adding servers while the platform runs.",
    ),
    Passage(
        "platform-search",
        _PLATFORM,
        5,
        "Search",
        "Search covers the text of documents, their description and their history. "
        "Results arrive within one second for collections of up to fifty million "
        "documents. "
        "A user finds only what the user may open.",
    ),
    Passage(
        "platform-integration",
        _PLATFORM,
        6,
        "Integration",
        "Other systems use the platform through a REST interface with versioned paths. "
        "Connectors exist for mail, for office suites and for three case management "
        "systems. "
        "An old version of the interface is served for two more years.",
    ),
    Passage(
        "platform-scaling",
        _PLATFORM,
        8,
        "Load and scaling",
        "A test with 5,000 simultaneous users showed a median answer of 180 "
        "milliseconds. "
        "Twice the servers carry nearly twice the load, up to sixteen of them. "
        "The limit beyond that is the database.",
    ),
    Passage(
        "security-principles",
        _SECURITY,
        1,
        "Principles",
        "Access is denied unless a rule allows it. "
        "Every person and every service has an account of its own. "
        "Rules are reviewed each quarter by a person who does not use them.",
    ),
    Passage(
        "security-encryption",
        _SECURITY,
        2,
        "Encryption",
        "Data is encrypted in transit with TLS 1.3 and at rest with AES-256. "
        "Keys are kept in a hardware module and changed once a year. "
        "A customer may bring keys of its own and withdraw them at any time.",
    ),
    Passage(
        "security-access",
        _SECURITY,
        4,
        "Access control",
        "Users sign in through the directory of the customer, with two factors. "
        "Permissions are given to roles and inherited along the file plan. "
        "An administrator cannot read documents without leaving a trace.",
    ),
    Passage(
        "security-audit",
        _SECURITY,
        5,
        "Audit trail",
        "Each access to a document is written to an audit trail that cannot be "
        "changed. "
        "The trail is kept for ten years and can be exported at any time. "
        "Auditors have a role of their own, which sees the trail and no documents.",
    ),
    Passage(
        "security-incidents",
        _SECURITY,
        7,
        "Incidents",
        "An incident is reported to the customer within four hours. "
        "A written analysis follows within five working days. "
        "There were two incidents in the last three years, neither with loss of data.",
    ),
    Passage(
        "security-certificates",
        _SECURITY,
        8,
        "Certificates",
        "Information security is certified to ISO 27001 since 2012. "
        "An independent firm tests the platform for weaknesses twice a year. "
        "Its reports can be read under a confidentiality agreement.",
    ),
    Passage(
        "security-privacy",
        _SECURITY,
        9,
        "Data protection",
        "Personal data stays in the country that the customer chooses. "
        "Deletion dates are part of the file plan and are carried out daily. "
        "A person's request for information is answered with one report.",
    ),
    Passage(
        "delivery-approach",
        _DELIVERY,
        1,
        "Approach",
        "A project runs in four phases: workshop, pilot, migration and handover. "
        "Each phase ends with a result that the customer accepts in writing. "
        "No phase begins before the one before it was accepted.",
    ),
    Passage(
        "delivery-timeline",
        _DELIVERY,
        2,
        "Timeline",
        "A typical project takes seven months from the contract to the handover. "
        "The pilot begins in week six with one department. "
        "Migration takes between four and twelve weeks, by volume.",
    ),
    Passage(
        "delivery-migration",
        _DELIVERY,
        3,
        "Migration",
        "Existing records are moved in batches, and each batch is compared with its "
        "source. "
        "The old system stays readable until the last batch was accepted. "
        "In forty migrations the error rate was below one in a million documents.",
    ),
    Passage(
        "delivery-training",
        _DELIVERY,
        5,
        "Training",
        "Administrators are trained for three days, other users for half a day. "
        "Training material is written in the words of the customer's own file plan. "
        "Courses are recorded and stay available for new staff.",
    ),
    Passage(
        "delivery-risks",
        _DELIVERY,
        6,
        "Risks",
        "The most frequent risk is a file plan that is decided late. "
        "The second is a source system whose data is not documented. "
        "Both are looked for in the first workshop and recorded in a risk register.",
    ),
    Passage(
        "delivery-quality",
        _DELIVERY,
        7,
        "Quality assurance",
        "Every release is tested against 2,300 automated cases before it is shipped. "
        "A customer sees a release in a test system two weeks ahead. "
        "Acceptance criteria are agreed on before the work begins.",
    ),
    Passage(
        "operations-support",
        _OPERATIONS,
        1,
        "Support",
        "Support answers by phone from seven to nineteen hours on working days. "
        "A critical fault is taken up within thirty minutes, at night as well. "
        "Nine of ten requests are solved by the first person who answers.",
    ),
    Passage(
        "operations-availability",
        _OPERATIONS,
        2,
        "Availability",
        "The agreed availability is 99.9 percent a month. "
        "Over the last two years it was 99.97 percent on average. "
        "Maintenance is announced ten days ahead and done on Sundays.",
    ),
    Passage(
        "operations-backup",
        _OPERATIONS,
        3,
        "Backup and recovery",
        "A backup is taken every night and kept for ninety days. "
        "Recovery of the whole platform takes less than six hours. "
        "It is rehearsed twice a year, and customers may watch.",
    ),
    Passage(
        "operations-monitoring",
        _OPERATIONS,
        4,
        "Monitoring",
        "Every service reports its health each ten seconds. "
        "An alarm reaches an engineer within two minutes. "
        "Customers see the state of all services on a status page.",
    ),
    Passage(
        "operations-updates",
        _OPERATIONS,
        6,
        "Updates",
        "There are four releases a year, and security fixes within three days. "
        "Updates are installed without an interruption of the service. "
        "A release can be taken back within ten minutes.",
    ),
    Passage(
        "terms-prices",
        _TERMS,
        1,
        "Prices",
        "The price is made of a fee for each user and one for each terabyte. "
        "Migration has a fixed price after the workshop. "
        "Prices stay as they are for the first three years.",
    ),
    Passage(
        "terms-contract",
        _TERMS,
        2,
        "Contract",
        "A contract runs for three years and can be ended each year after that. "
        "At its end all records are handed over in open formats, at no charge. "
        "The source code is held in escrow.",
    ),
    Passage(
        "terms-penalties",
        _TERMS,
        3,
        "Service credits",
        "Five percent of the monthly fee are credited for each tenth of a percent of "
        "missed availability. "
        "The credit is paid without being asked for. "
        "It is limited to half of the monthly fee.",
    ),
    Passage(
        "case-situation",
        _CASE,
        1,
        "Situation",
        "Harbour County kept 2.6 million files in eleven systems and four cellars. "
        "Staff spent a quarter of an hour on average to find one file. "
        "A flood in 2017 destroyed two hundred metres of shelves.",
    ),
    Passage(
        "case-solution",
        _CASE,
        2,
        "Solution",
        "All files were moved to one platform within nine months. "
        "Paper was scanned by the county's own staff, who were trained for it. "
        "The eleven systems were switched off one after the other.",
    ),
    Passage(
        "case-results",
        _CASE,
        3,
        "Results",
        "A file is now found in forty seconds on average. "
        "The county saves 310,000 euros a year for rent, licences and search time. "
        "The project stayed four percent below its budget.",
    ),
    Passage(
        "case-lessons",
        _CASE,
        4,
        "Lessons",
        "The file plan should have been decided before the pilot. "
        "Early training of the departments paid for itself within weeks. "
        "The county recommends to migrate the least loved system first.",
    ),
)
