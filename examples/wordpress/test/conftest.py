"""One WordPress and one stand-in service for the whole run; before each test both are as they were at first."""

from collections.abc import Iterator

import pytest
from service import Service
from wordpress import WordPress

START = """
deactivate_plugins('supporters-prompt/supporters-prompt.php');
$all = ['numberposts' => -1, 'post_type' => ['post', 'page', 'wp_block'], 'post_status' => 'any'];
foreach (get_posts($all) as $post) { wp_delete_post($post->ID, true); }
delete_option('supporters_prompt_settings');
activate_plugin('supporters-prompt/supporters-prompt.php');
do_action('admin_init');
update_option('supporters_prompt_settings', $settings);
return get_option('supporters_prompt_state');
"""


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WordPress]:
    made = WordPress(tmp_path_factory.mktemp("wp"))
    FIGURES.append(f"database, WordPress and web server ready in {made.ready_seconds:.1f} s")
    yield made
    made.close()


@pytest.fixture
def site(installed: WordPress, service: Service) -> Iterator[WordPress]:
    """A site with the plugin active and set to the service; nothing in its error log may come from the plugin."""
    service.reset()
    settings = {"service": service.address, "placement": "article-foot", "post_types": ["post"], "issue_key": "issue"}
    installed.eval(START, settings=settings)
    service.requests.clear()
    installed.asked.write_text("")
    installed.log.write_text("")
    yield installed
    complaints = installed.log.read_text() if installed.log.exists() else ""
    assert "supporters" not in complaints, complaints[-2000:]


FIGURES: list[str] = []


@pytest.fixture
def figures() -> list[str]:
    """Lines that the run prints at its end."""
    return FIGURES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in FIGURES:
        terminalreporter.write_line(line)
