"""What nbgrader has to know in everybody's server: which course, which exchange."""

import os

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = os.environ["EVERYGRAD_COURSE"]
c.Exchange.root = os.environ["EVERYGRAD_EXCHANGE"]
