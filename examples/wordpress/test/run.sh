#!/bin/bash
# Tries the plugin in a real WordPress: Debian's packages, a database and a web server of its own in a temporary folder.
set -euo pipefail
cd "$(dirname "$0")/../../.."

missing=()
[ -f /usr/share/wordpress/wp-load.php ] || missing+=(wordpress)
[ -f /usr/share/wordpress/wp-content/themes/twentytwentythree/style.css ] || missing+=(wordpress-theme-twentytwentythree)
command -v php >/dev/null || missing+=(php-cli)
{ command -v php >/dev/null && php -m | grep -qx mysqli; } || missing+=(php-mysql)
command -v mariadbd >/dev/null || [ -x /usr/sbin/mariadbd ] || missing+=(mariadb-server)
command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null || missing+=(chromium-headless-shell)
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" != 0 ]; then
    echo "The WordPress tests need these packages: ${missing[*]}. Install them (as root: apt-get install ${missing[*]}), then run this again." >&2
    exit 1
  fi
  echo "Installing ${missing[*]} ..."
  apt-get update -qq >/dev/null
  # No service may start: the tests bring their own.
  policy=/usr/sbin/policy-rc.d
  made=
  [ -e $policy ] || { made=$policy; printf '#!/bin/sh\nexit 101\n' > $policy; chmod +x $policy; }
  trap '[ -z "$made" ] || rm -f "$made"' EXIT
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  [ -z "$made" ] || rm -f "$made"
  trap - EXIT
fi
exec .venv/bin/pytest -p no:cacheprovider -o pythonpath=examples/wordpress/test --rootdir=. examples/wordpress/test "$@"
