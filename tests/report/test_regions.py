import pytest

from headwater.head.template import template_head
from headwater.report.regions import CORTEX, plain


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("pericalcarine-lh", "left pericalcarine cortex (occipital lobe)"),
        ("insula-rh", "right insula"),
        ("Left-Accumbens-area", "left accumbens"),
        ("Right-VentralDC", "right ventral diencephalon"),
        ("Left-Cerebellum-Cortex", "left cerebellum cortex"),
        ("Brain-Stem", "brain stem"),
        ("22 mm from Brain-Stem", "22 mm from the brain stem"),
        ("V1 of another atlas", "V1 of another atlas"),
        ("", ""),
    ],
)
def test_regions_are_named_as_people_do(name, said):
    assert plain(name) == said


def test_every_region_of_the_template_has_a_plain_name():
    names = {name.rpartition("-")[0] for name in template_head().cortex.region_names}
    assert names == set(CORTEX)
