"""The templates that a draft can be written by: sections, and what is asked there.

Data only.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section of a document.

    Attributes:
        heading: what stands above it.
        query: words by which sources for it are looked for.
    """

    heading: str
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One kind of document."""

    name: str
    title: str
    sections: tuple[Section, ...]


_ALL = (
    Template(
        name="rfp_response",
        title="response to a request for proposal",
        sections=(
            Section(
                heading="Understanding of the requirements",
                query="customer requirements situation records",
            ),
            Section(
                heading="Proposed solution",
                query="platform service storage search integration",
            ),
            Section(
                heading="Security and data protection",
                query="security encryption access audit privacy certificate",
            ),
            Section(
                heading="Delivery plan",
                query="project phase timeline migration training team",
            ),
            Section(
                heading="Service and price",
                query="support availability price contract credit",
            ),
        ),
    ),
    Template(
        name="executive_summary",
        title="executive summary",
        sections=(
            Section(heading="Situation", query="situation customer risk problem"),
            Section(heading="Recommendation", query="solution platform approach"),
            Section(heading="Benefit", query="result saving budget average"),
        ),
    ),
    Template(
        name="technical_memo",
        title="technical memo",
        sections=(
            Section(heading="Context", query="overview platform service system"),
            Section(heading="Analysis", query="load test limit database server"),
            Section(heading="Operation", query="backup monitoring update recovery"),
            Section(heading="Risks", query="risk incident fault error weakness"),
        ),
    ),
)
TEMPLATES: Mapping[str, Template] = {template.name: template for template in _ALL}
