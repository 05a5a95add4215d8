"""What a class is made of, without starting one: its file, its hub, its cluster."""

import os
import re
import subprocess
import sys
from dataclasses import fields
from types import ModuleType, SimpleNamespace

import pytest
import yaml
from jupyterhub.app import JupyterHub
from jupyterhub.auth import Authenticator
from jupyterhub.proxy import ConfigurableHTTPProxy
from jupyterhub.spawner import SimpleLocalProcessSpawner, Spawner
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from hub.__main__ import main
from hub.classroom import ROOT, TRY_OUT, ClassError, Classroom, read_class

HUB = ROOT / "hub"
SERVER = HUB / "server.toml"

# Keys of the chart's values, as jupyterhub/values.schema.yaml of
# jupyterhub/zero-to-jupyterhub-k8s allows them; None is free below.
CHART = {
    "custom": None,
    "hub": {"config": None, "extraConfig": None},
    "singleuser": {
        "image": {"name": str, "tag": str},
        "cmd": str,
        "defaultUrl": str,
        "startTimeout": int,
        "memory": {"limit": str, "guarantee": str},
        "cpu": {"limit": (int, float), "guarantee": (int, float)},
        "storage": {
            "type": str,
            "capacity": str,
            "homeMountPath": str,
            "extraVolumes": list,
            "extraVolumeMounts": list,
        },
    },
    "cull": {"enabled": bool, "timeout": int, "every": int},
}


def changed(path, tmp_path, *changes):
    """Write a class file with other lines; return its path."""
    text = path.read_text(encoding="utf-8")
    for pattern, line in changes:
        text, number = re.subn(pattern, line, text, flags=re.MULTILINE)
        assert number == 1, pattern
    copy = tmp_path / "class.toml"
    copy.write_text(text, encoding="utf-8")
    return copy


def hub_config(path, monkeypatch):
    """Return what jupyterhub_config.py says for a class file."""
    monkeypatch.setenv("EVERYGRAD_CLASS", str(path))
    return PyFileConfigLoader("jupyterhub_config.py", path=str(HUB)).load_config()


def test_the_class_files_that_come_with_the_course_can_be_read():
    for path in (TRY_OUT, SERVER):
        assert read_class(path).grader == "tess"


@pytest.mark.parametrize(
    ("pattern", "line", "said"),
    [
        ("^teachers.*", "teachers = []", "teachers is empty"),
        ("^learners.*", "learners = ['ada', 'tess']", "'tess' is there twice"),
        ("^learners.*", "learners = ['Ada']", "'Ada' is no account name"),
        ("^learners.*", "learners = 'ada'", "learners must be a list, got 'ada'"),
        ("^accounts.*", "accounts = 'many'", "one of one, real, systemd, got 'many'"),
        ("^course.*", "curse = 'x'", "no key 'curse'"),
        ("^course.*", "", "give a value to 'course'"),
        ("^address.*", "address = 'http://0.0.0.0:80'", "got 'http://0.0.0.0:80'"),
        ("^address.*", "address = ", "Invalid value"),
    ],
)
def test_a_wrong_class_file_is_refused_with_what_is_wrong(
    pattern, line, said, tmp_path, capsys
):
    path = changed(TRY_OUT, tmp_path, (pattern, line))
    with pytest.raises(ClassError, match=re.escape(said)):
        read_class(path)
    assert main([str(path)]) == 2
    assert str(path) in capsys.readouterr().err


def test_one_account_for_all_stays_on_this_computer(tmp_path):
    path = changed(SERVER, tmp_path, ("^accounts.*", "accounts = 'one'"))
    with pytest.raises(ClassError, match="anybody may do anything"):
        read_class(path)


@pytest.mark.parametrize("accounts", ["real", "systemd"])
def test_real_accounts_have_real_passwords_and_limits(accounts, tmp_path, monkeypatch):
    path = changed(SERVER, tmp_path, ("^accounts.*", f"accounts = '{accounts}'"))
    config = hub_config(path, monkeypatch)
    assert config.JupyterHub.authenticator_class == "pam"
    assert config.Authenticator.allowed_users == {"tess", "ada", "ben"}
    assert config.Authenticator.allow_existing_users is False
    assert config.JupyterHub.ssl_key
    if accounts == "systemd":
        assert config.SystemdSpawner.unit_extra_properties == {"TasksMax": "300"}
    else:
        assert f"--data={4 * 2**30}" in config.Spawner.cmd
        assert "--nproc=300" in config.Spawner.cmd


def test_the_hub_knows_every_setting(monkeypatch):
    """Traits that a class does not have are silently ignored by traitlets."""
    config = hub_config(TRY_OUT, monkeypatch)
    classes = [JupyterHub, Authenticator, ConfigurableHTTPProxy]
    classes += [Spawner, SimpleLocalProcessSpawner]
    known = {cls.__name__: cls.class_trait_names(config=True) for cls in classes}
    for name, settings in config.items():
        for setting in settings:
            assert setting in known[name], f"{name}.{setting}"


def test_only_who_keeps_the_course_folder_gets_the_teachers_configuration(monkeypatch):
    config = hub_config(TRY_OUT, monkeypatch)
    for name, role in (("tess", "teacher"), ("ada", "learner")):
        spawner = SimpleNamespace(user=SimpleNamespace(name=name), environment={})
        config.Spawner.pre_spawn_hook(spawner)
        first, second = spawner.environment["JUPYTER_CONFIG_PATH"].split(os.pathsep)
        assert first.endswith(f"/{role}")
        assert second.endswith("/everyone")


def values():
    return yaml.safe_load((HUB / "zero-to-jupyterhub.yaml").read_text("utf-8"))


def assert_keys(given, allowed, where="values"):
    """Fail where a value is none of the chart's, or of another type."""
    for key, value in given.items():
        assert key in allowed, f"{where}.{key}"
        if isinstance(allowed[key], dict):
            assert_keys(value, allowed[key], f"{where}.{key}")
        elif allowed[key]:
            assert isinstance(value, allowed[key]), f"{where}.{key}"


def test_the_chart_knows_every_value():
    assert_keys(values(), CHART)


@pytest.fixture
def cluster(monkeypatch):
    """Return what the chart's hub is told, as its configuration file would run it."""
    given = values()
    z2jh = ModuleType("z2jh")
    z2jh.get_config = lambda key: given["custom"][key.removeprefix("custom.")]
    monkeypatch.setitem(sys.modules, "z2jh", z2jh)
    config = Config()
    config.JupyterHub.load_roles = []
    exec(given["hub"]["extraConfig"]["class.py"], {"c": config})
    return config


def person(name):
    return SimpleNamespace(user=SimpleNamespace(name=name), environment={})


def test_on_a_cluster_everybody_has_a_number_of_their_own(cluster):
    ada, ben = person("ada"), person("ben")
    assert cluster.KubeSpawner.uid(ada) != cluster.KubeSpawner.uid(ben)
    assert cluster.KubeSpawner.uid(ada) == cluster.KubeSpawner.uid(person("ada"))
    for trait in (cluster.KubeSpawner.gid, cluster.KubeSpawner.fs_gid):
        assert trait(ada) == cluster.KubeSpawner.uid(ada) > 1000


def test_on_a_cluster_numbers_have_names(cluster, tmp_path):
    ada = person("ada")
    cluster.Spawner.pre_spawn_hook(ada)
    names = tmp_path / "passwd"
    run = subprocess.run(
        [HUB / "entrypoint", "echo", "started"],
        env={**ada.environment, "PATH": os.defpath, "EXTRAUSERS": str(names)},
        capture_output=True,
        text=True,
    )
    assert run.stdout == "started\n", run.stderr
    number = cluster.KubeSpawner.uid(ada)
    home = values()["singleuser"]["storage"]["homeMountPath"]
    line = f"ada:x:{number}:{number}::{home}:/bin/bash"
    assert line in names.read_text().splitlines()


def test_a_cluster_has_the_groups_and_roles_of_a_single_host(cluster, monkeypatch):
    config = hub_config(TRY_OUT, monkeypatch)
    assert cluster.JupyterHub.load_groups == config.JupyterHub.load_groups
    assert cluster.JupyterHub.load_roles[0] in config.JupyterHub.load_roles
    assert cluster.Spawner.server_token_scopes == config.Spawner.server_token_scopes


def test_the_exchange_of_a_cluster_is_mounted_where_nbgrader_looks(cluster):
    claim, job = yaml.safe_load_all((HUB / "exchange.yaml").read_text("utf-8"))
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    storage = values()["singleuser"]["storage"]
    (volume,), (mount,) = storage["extraVolumes"], storage["extraVolumeMounts"]
    assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    ada = person("ada")
    cluster.Spawner.pre_spawn_hook(ada)
    assert ada.environment["EVERYGRAD_EXCHANGE"] == mount["mountPath"]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["chmod", "1777", mount["mountPath"]]


def test_the_image_takes_its_versions_from_the_course_and_no_solutions():
    text = (HUB / "Dockerfile").read_text("utf-8")
    pinned = re.findall("^([^#=]+)==", (ROOT / "constraints.txt").read_text(), re.M)
    (installed,) = re.findall(r"jupyterhub==\$JUPYTERHUB\" \\\n(.*?)\n\n", text, re.S)
    names = installed.replace("\\", "").split()
    assert names
    assert set(names) <= set(pinned)
    for source in re.findall("^COPY (?:--\\S+ )?(.+) \\S+$", text, re.M):
        for path in source.split():
            assert (ROOT / path).exists(), path
            assert path.split("/")[0] not in {"solutions", "tests", "_build", "."}


def test_the_proxy_is_pinned_with_all_that_it_needs():
    lock = yaml.safe_load((HUB / "package-lock.json").read_text("utf-8"))
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert packages["node_modules/configurable-http-proxy"]["version"] == "5.3.0"
    assert all(one["integrity"].startswith("sha512-") for one in packages.values())
    assert not any("resolved" in one for one in packages.values())


def test_the_readme_explains_every_key_of_the_class_file():
    text = (HUB / "README.md").read_text("utf-8")
    table = re.findall("^\\| (`.*?) \\|", text, re.M)
    explained = {key for row in table for key in re.findall("`(\\w+)`", row)}
    keys = {one.name for one in fields(Classroom)}
    assert explained == keys - {"file", "hub_port", "proxy_port"}
