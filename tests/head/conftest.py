"""A subject's folder, made of the sample recording's files."""

import shutil
from pathlib import Path

import pytest

from headwater.head.model import Head
from headwater.head.template import template_head

BEM = (
    "sample-320-320-320-bem-sol.fif",
    "sample-1280-bem-sol.fif",
    "sample-1280-1280-1280-bem.fif",
    "sample-head.fif",
    "sample-fiducials.fif",
)


@pytest.fixture(scope="session")
def template() -> Head:
    return template_head()


@pytest.fixture(scope="session")
def other(template: Head) -> Head:
    return template.varied(1)


@pytest.fixture
def sample_dir(shared_data: Path, tmp_path: Path) -> Path:
    """Subjects directory with the subject ``sample``."""
    source, subject = shared_data / "mne-sample", tmp_path / "sample"
    (subject / "bem").mkdir(parents=True)
    (subject / "mri" / "transforms").mkdir(parents=True)
    for name in BEM:
        shutil.copyfile(source / name, subject / "bem" / name)
    shutil.copyfile(source / "talairach.xfm", subject / "mri" / "transforms" / "talairach.xfm")
    shutil.copyfile(source / "T1.mgz", subject / "mri" / "T1.mgz")
    shutil.copyfile(source / "sample_audvis_trunc-trans.fif", subject / "sample_audvis-trans.fif")
    return tmp_path
