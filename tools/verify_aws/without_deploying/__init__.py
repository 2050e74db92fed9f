"""Stage 0: services of AWS check what would be deployed. It changes nothing and costs nothing.

synthesis.py    the templates of app.py, of the examples and of the laboratory
templates.py    their resources, with the account and the region that are asked
definitions.py  ValidateStateMachineDefinition for each definition
policies.py     ValidatePolicy for each policy
role_calls.py   the calls of each role of the demo, as data
simulations.py  SimulateCustomPolicy for these calls
samples.py      events that match a pattern, and events that do not
patterns.py     TestEventPattern for these events
quotas.py       Service Quotas, the concurrency of Lambda, the rates of Step Functions
images.py       DescribeImages for each image of SageMaker
"""

from __future__ import annotations

from tools.verify_aws.question import Question
from tools.verify_aws.without_deploying.definitions import DEFINITIONS
from tools.verify_aws.without_deploying.images import IMAGES
from tools.verify_aws.without_deploying.patterns import PATTERNS
from tools.verify_aws.without_deploying.policies import POLICIES
from tools.verify_aws.without_deploying.quotas import CONCURRENCY, INSTANCE_QUOTAS, STATES_QUOTAS
from tools.verify_aws.without_deploying.simulations import SIMULATIONS
from tools.verify_aws.without_deploying.templates import CheckContext

CHECKS: tuple[Question[CheckContext], ...] = (
    DEFINITIONS,
    POLICIES,
    SIMULATIONS,
    PATTERNS,
    INSTANCE_QUOTAS,
    CONCURRENCY,
    STATES_QUOTAS,
    IMAGES,
)

__all__ = ["CHECKS", "CheckContext"]
