#!/bin/sh
# Makes sure that there is a browser for the tests: the machine's own, else Debian's, else Playwright's download.
set -eu
for name in chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name" >/dev/null; then
        echo "Browser tests use $(command -v "$name")."
        exit 0
    fi
done
if command -v apt-get >/dev/null; then
    sudo=
    [ "$(id -u)" = 0 ] || sudo="sudo -n"
    echo "There is no Chromium here: installing Debian's."
    if $sudo apt-get update -qq && $sudo apt-get install -y -qq chromium; then
        exit 0
    fi
fi
echo "Installing Playwright's own Chromium."
"$PYTHON" -m playwright install chromium
