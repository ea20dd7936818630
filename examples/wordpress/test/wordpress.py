"""A real WordPress in a temporary folder: its own database by socket, PHP's own web server, nothing left running."""
# ruff: noqa: S603, S607

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

DEBIAN = Path("/usr/share/wordpress")
PLUGIN = Path(__file__).resolve().parents[1] / "supporters-prompt"
PASSWORD = "only for this run"  # noqa: S105
CONFIG = """<?php
define('DB_NAME', 'wordpress'); define('DB_USER', 'root'); define('DB_PASSWORD', ''); define('DB_HOST', 'localhost:{socket}');
define('DB_CHARSET', 'utf8mb4'); define('DB_COLLATE', '');
define('WP_HOME', '{home}'); define('WP_SITEURL', '{home}');
define('AUTH_KEY', 'a'); define('SECURE_AUTH_KEY', 'b'); define('LOGGED_IN_KEY', 'c'); define('NONCE_KEY', 'd');
define('AUTH_SALT', 'e'); define('SECURE_AUTH_SALT', 'f'); define('LOGGED_IN_SALT', 'g'); define('NONCE_SALT', 'h');
define('WP_HTTP_BLOCK_EXTERNAL', true); define('WP_ACCESSIBLE_HOSTS', '127.0.0.1');
define('WP_DEBUG', true); define('WP_DEBUG_DISPLAY', false); define('WP_DEBUG_LOG', '{log}');
define('AUTOMATIC_UPDATER_DISABLED', true);
$table_prefix = 'wp_';
if (!defined('ABSPATH')) {{ define('ABSPATH', __DIR__ . '/'); }}
require_once ABSPATH . 'wp-settings.php';
"""
# Every address that the plugin asks for is written down, before it is asked.
WATCH = """<?php
add_filter('pre_http_request', function ($answer, $args, $url) {{
  if (false !== strpos(wp_debug_backtrace_summary(), 'Supporters\\Prompt')) {{
    file_put_contents('{asked}', $url . "\\n", FILE_APPEND);
  }}
  return $answer;
}}, 1, 3);
// Only the plugin's timer runs here: WordPress's own would run beside the tests and write the same option.
add_filter('schedule_event', fn($event) => $event && 0 === strpos($event->hook, 'supporters_') ? $event : false);
"""
INSTALL = """
define('WP_INSTALLING', true);
require $argv[1] . '/wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';
wp_install('The Weekly Lamp', 'editor', 'editor@lamp.example', true, '', $argv[2]);
update_option('permalink_structure', '/%postname%/');
update_option('timezone_string', 'Europe/London');
switch_theme('twentytwentythree');
"""


def free_port() -> int:
    """A port of this machine that nobody holds."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class WordPress:
    """One installed site. `close` ends what `__init__` started."""

    def __init__(self, folder: Path) -> None:
        began = time.monotonic()
        self.root = folder / "site"
        self.log = folder / "debug.log"
        self.asked = folder / "asked.txt"
        self.port = free_port()
        self.home = f"http://127.0.0.1:{self.port}"
        (folder / "compiled").mkdir()
        # Debian's PHP knows the compiled-code cache; kept as files, it serves the short runs too.
        self._quick = ["-d", "opcache.enable_cli=1", "-d", f"opcache.file_cache={folder / 'compiled'}"]
        self._running: list[subprocess.Popen[bytes]] = []
        self.asked.touch()
        try:
            self._database(folder)
            self._files(folder)
            self._php("-r", INSTALL, "--", str(self.root), PASSWORD)
            self._web()
            self.eval("global $wp_rewrite; $wp_rewrite->flush_rules(); return 1;")
        except BaseException:
            self.close()
            raise
        self.ready_seconds = time.monotonic() - began

    def _start(self, *command: str, **environment: str) -> None:
        self._running.append(
            subprocess.Popen(
                command,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **environment},
                start_new_session=True,  # PHP's workers outlive a parent that is ended alone
            )
        )

    def _database(self, folder: Path) -> None:
        data, self._socket = folder / "data", folder / "db.sock"
        as_who = ["--user=root"] if os.geteuid() == 0 else []
        plain = ["--no-defaults", f"--datadir={data}", *as_who]
        subprocess.run(
            ["mariadb-install-db", *plain, "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True,
            capture_output=True,
        )
        server = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
        quick = [
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-log-file-size=8M",
            "--innodb-buffer-pool-size=32M",
            "--skip-innodb-doublewrite",
        ]
        self._start(
            server, *plain, "--skip-networking", f"--socket={self._socket}", f"--pid-file={folder / 'db.pid'}", *quick
        )
        wait_for(self._socket.exists, "the database")
        ask = ["mariadb", "--no-defaults", f"--socket={self._socket}", "-uroot", "-e", "CREATE DATABASE wordpress"]
        wait_for(lambda: subprocess.run(ask, capture_output=True, check=False).returncode == 0, "the database")

    def _files(self, folder: Path) -> None:
        subprocess.run(["cp", "-rL", str(DEBIAN), str(self.root)], check=True)
        (self.root / "wp-config.php").write_text(CONFIG.format(socket=self._socket, home=self.home, log=self.log))
        watch = self.root / "wp-content" / "mu-plugins"
        watch.mkdir()
        (watch / "watch.php").write_text(WATCH.format(asked=self.asked))
        (self.root / "wp-content" / "plugins" / PLUGIN.name).symlink_to(PLUGIN)

    def _web(self) -> None:
        self._start(
            "php", *self._quick, "-S", f"127.0.0.1:{self.port}", "-t", str(self.root), PHP_CLI_SERVER_WORKERS="4"
        )
        wait_for(self._answers, "PHP's web server")

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return not probe.connect_ex(("127.0.0.1", self.port))

    def _php(self, *arguments: str) -> str:
        done = subprocess.run(["php", *self._quick, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"PHP failed: {done.stdout[-1500:]} {done.stderr[-1500:]}")
        return done.stdout

    def close(self) -> None:
        """Nothing that was started here runs any longer, and nobody waits for it."""
        for process in reversed(self._running):
            os.killpg(process.pid, signal.SIGTERM)
        for process in self._running:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._running.clear()

    def eval(self, code: str, **given: Any) -> Any:
        """What a piece of PHP returns inside the loaded WordPress, as the administrator; `given` are its variables."""
        script = (
            "$_SERVER['HTTP_HOST'] = $argv[2]; require $argv[1] . '/wp-load.php'; wp_set_current_user(1); "
            "require_once ABSPATH . 'wp-admin/includes/admin.php'; extract(json_decode($argv[3], true)); "
            f"$back = (function () use ($argv) {{ extract(json_decode($argv[3], true)); {code} }})(); "
            'echo "\\n=>" . json_encode($back);'
        )
        out = self._php("-r", script, "--", str(self.root), f"127.0.0.1:{self.port}", json.dumps(given))
        return json.loads(out.rpartition("\n=>")[2])

    def post(
        self,
        title: str,
        body: str = "<p>Six minutes over the river.</p>",
        *,
        tags: str = "",
        kind: str = "post",
        **meta: str,
    ) -> str:
        """A published post's address."""
        made = (
            "$id = wp_insert_post(['post_title' => $title, 'post_content' => wp_slash($body), 'post_status' => 'publish',"
            "'post_type' => $kind, 'tags_input' => $tags, 'meta_input' => $meta], true); return get_permalink($id);"
        )
        return str(self.eval(made, title=title, body=body, kind=kind, tags=tags, meta=meta))

    def id_of(self, address: str) -> int:
        """The number of the post at an address."""
        return int(self.eval("return url_to_postid($address);", address=address))

    def get(self, address: str, *, client: httpx.Client | None = None) -> str:
        """The page at an address; it must be there."""
        answer = (client or httpx).get(address, timeout=20, follow_redirects=True)
        assert answer.status_code == 200, answer.text[:500]
        return answer.text

    def let_a_minute_pass(self) -> None:
        """The timer is due and whoever pulled last did so long ago; the next visit of wp-cron.php runs it."""
        self.eval(
            "delete_transient('supporters_prompt_lock'); delete_transient('doing_cron');"
            "wp_unschedule_hook('supporters_prompt_pull');"
            "wp_schedule_event(time() - 1, 'supporters_prompt_minute', 'supporters_prompt_pull'); return 1;"
        )

    def change(self, **settings: Any) -> None:
        """These settings of the plugin are as given, the others as before."""
        code = "update_option($name, array_merge(get_option($name), $settings)); return 1;"
        self.eval(code, name="supporters_prompt_settings", settings=settings)

    def run_timer(self) -> None:
        """The timer's job runs as WP-Cron runs it, a minute after it last did."""
        job = "delete_transient('supporters_prompt_lock'); do_action('supporters_prompt_pull'); return 1;"
        self.eval(f"define('DOING_CRON', true); {job}")

    @contextmanager
    def sign_in(self, name: str = "editor", password: str = PASSWORD) -> Iterator[httpx.Client]:
        """A browser's session of the administrator, or of somebody else."""
        with httpx.Client(follow_redirects=True, timeout=20) as client:
            client.get(f"{self.home}/wp-login.php")
            client.post(f"{self.home}/wp-login.php", data={"log": name, "pwd": password, "testcookie": "1"})
            yield client

    def hosts_asked(self) -> set[str]:
        """Every host and port that the plugin asked for anything, since the list was emptied."""
        return set(re.findall(r"^https?://([^/?\s]+)", self.asked.read_text(), re.MULTILINE))


def wait_for(is_there: Any, what: str, *, seconds: float = 30) -> None:
    """Returns when it is there, and says what is missing when it does not come."""
    until = time.monotonic() + seconds
    while not is_there():
        if time.monotonic() > until:
            raise RuntimeError(f"{what} did not start in {seconds} s")
        time.sleep(0.05)
