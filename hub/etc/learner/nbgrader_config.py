"""What nbgrader has to know in a learner's server."""

import os

c = get_config()  # noqa: F821

# Only who is in the hub's group of the course sees the course.
c.Authenticator.plugin_class = "nbgrader.auth.JupyterHubAuthPlugin"

# Where one account plays everybody: whose server is this?
if "EVERYGRAD_PLAYS" in os.environ:
    c.CourseDirectory.student_id = os.environ["EVERYGRAD_PLAYS"]
