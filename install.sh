#!/bin/sh
# Installs retry from the files of a release, after it has checked their SHA-256. Needs curl or wget, and tar.
#
# .ci/release writes the two values of its release into the copy that it publishes. From a clone, name them:
# --version and --repository, or --from.
version=
repository=

usage() {
    cat <<'USAGE'
Installs retry: the program, its manual page and its completions.

Usage: install.sh [OPTION...]

  --prefix DIR       install to DIR/bin and DIR/share [default: /usr/local for root, else ~/.local]
  --bin DIR          install only the program, in DIR
  --version VERSION  release to install, for example 0.1.0
  --repository URL   repository with releases at URL/releases
  --from PLACE       URL or directory with the release files
  --sha256 SUM       expected SHA-256 of the archive [default: from SHA256SUMS]
  --target TARGET    build to install, for example x86_64-unknown-linux-gnu [default: for this machine; static on
                     Linux]
  --os OS --arch A   build for another system, named as by uname or by RUNNER_OS and RUNNER_ARCH
  --dry-run          print what would be downloaded, and where it would be installed
  --uninstall        remove the files installed with the same --prefix or --bin
USAGE
}

fail() {
    echo "install.sh: $*" >&2
    exit 1
}

# The builds of a release, by the words of uname and of GitHub's runners.
target_of() {
    case $1 in
        Linux) system=linux ;;
        Darwin | macOS) system=macos ;;
        Windows | MINGW* | MSYS* | CYGWIN*) system=windows ;;
        *) fail "no build for $1; build it from a clone with \`cargo install --locked --path .\`" ;;
    esac
    case $2 in
        x86_64 | amd64 | X64) machine=x86_64 ;;
        aarch64 | arm64 | ARM64) machine=aarch64 ;;
        armv7* | armv8l | ARM) machine=armv7 ;;
        riscv64) machine=riscv64 ;;
        *) machine=$2 ;;
    esac
    case $system-$machine in
        linux-x86_64 | linux-aarch64) echo "$machine-unknown-linux-musl" ;;
        linux-armv7) echo armv7-unknown-linux-musleabihf ;;
        linux-riscv64) echo riscv64gc-unknown-linux-musl ;;
        macos-x86_64 | macos-aarch64) echo "$machine-apple-darwin" ;;
        # Windows on ARM runs programs for x86_64.
        windows-x86_64 | windows-aarch64) echo x86_64-pc-windows-msvc ;;
        *) fail "no build for $1 on $2; build it from a clone with \`cargo install --locked --path .\`" ;;
    esac
}

has() { command -v "$1" >/dev/null 2>&1; }

# download NAME: the file of the release, into the working directory.
download() {
    case $from in
        http://* | https://*) ;;
        *)
            cp "$from/$1" "$work/$1" 2>/dev/null || fail "$1 not found in $from"
            return
            ;;
    esac
    tried=0
    if has curl; then
        # A redirection away from https is refused; plain http is for a server that was named so.
        protocol='=https'
        case $from in http://*) protocol='=http,https' ;; esac
        curl --proto "$protocol" --fail --silent --show-error --location --retry 3 --connect-timeout 20 \
            --output "$work/$1" "$from/$1" || tried=$?
        tool=curl
    elif has wget; then
        wget -q -O "$work/$1" "$from/$1" || tried=$?
        tool=wget
    else
        fail "curl or wget is required; or download the files and use --from DIR"
    fi
    [ "$tried" = 0 ] || fail "cannot download $from/$1 ($tool exit status $tried). Does release $version have a build for $target?"
}

sha256_of() {
    if has sha256sum; then
        sum=$(sha256sum <"$1")
    elif has shasum; then
        sum=$(shasum -a 256 <"$1")
    elif has openssl; then
        sum=$(openssl dgst -sha256 -r <"$1")
    else
        fail "cannot check SHA-256: sha256sum, shasum or openssl is required"
    fi
    echo "${sum%% *}"
}

verify() {
    if [ -z "$sha256" ]; then
        download SHA256SUMS
        # The name must be the whole second field; `*` marks a binary file.
        sha256=$(awk -v name="$1" '$2 == name || $2 == "*" name { print $1; exit }' "$work/SHA256SUMS")
        [ -n "$sha256" ] || fail "SHA256SUMS at $from has no line for $1. Nothing was installed"
    fi
    sha256=$(printf %s "$sha256" | tr '[:upper:]' '[:lower:]')
    found=$(sha256_of "$work/$1") || exit 1
    [ "$found" = "$sha256" ] ||
        fail "checksum mismatch for $1: expected $sha256, got $found. Nothing was installed"
}

unpack() {
    case $1 in
        *.tar.gz) tar -xzf "$work/$1" -C "$work" ;;
        *.zip)
            if has unzip; then
                unzip -q "$work/$1" -d "$work"
            else
                # The tar of Windows, which is bsdtar, reads zip.
                tar -xf "$work/$1" -C "$work"
            fi
            ;;
    esac || fail "cannot unpack $1"
}

# put MODE FROM TO: replaces TO in one step, so that a running program keeps its file.
put() {
    folder=${3%/*}
    mkdir -p "$folder" 2>/dev/null || fail "cannot create $folder: choose another --prefix, or run as root"
    part=$folder/.retry-install.$$
    # Into a directory of that name, mv would put it without a word.
    if [ -d "$3" ] || ! { cp "$2" "$part" && chmod "$1" "$part" && mv -f "$part" "$3"; } 2>/dev/null; then
        rm -f "$part"
        fail "cannot write $3: choose another --prefix, or run as root"
    fi
    echo "$3"
}

# What is put where below a prefix: the file of the archive, and the place.
layout() {
    cat <<'LAYOUT'
retry.1 share/man/man1/retry.1
completions/retry.bash share/bash-completion/completions/retry
completions/_retry share/zsh/site-functions/_retry
completions/retry.fish share/fish/vendor_completions.d/retry.fish
LAYOUT
}

uninstall() {
    for file in "$bin/retry" "$bin/retry.exe"; do
        if [ -e "$file" ]; then
            rm -f "$file" 2>/dev/null || fail "cannot remove $file"
            echo "removed $file"
        fi
    done
    [ -n "$prefix" ] || return 0
    layout | while read -r _ place; do
        if [ -e "$prefix/$place" ]; then
            rm -f "$prefix/$place" 2>/dev/null || fail "cannot remove $prefix/$place"
            echo "removed $prefix/$place"
        fi
    done
}

main() {
    set -eu
    prefix='' bin='' from='' sha256='' target='' os='' arch='' action=install
    while [ $# -gt 0 ]; do
        case $1 in
            --prefix | --bin | --version | --repository | --from | --sha256 | --target | --os | --arch)
                [ -n "${2:-}" ] || fail "$1 needs a value"
                case $1 in
                    --prefix) prefix=$2 ;;
                    --bin) bin=$2 ;;
                    --version) version=${2#v} ;;
                    --repository) repository=$2 ;;
                    --from) from=$2 ;;
                    --sha256) sha256=$2 ;;
                    --target) target=$2 ;;
                    --os) os=$2 ;;
                    --arch) arch=$2 ;;
                esac
                shift 2
                ;;
            --dry-run) action=dry-run && shift ;;
            --uninstall) action=uninstall && shift ;;
            -h | --help) usage && exit 0 ;;
            *) fail "unknown option $1. See --help" ;;
        esac
    done

    [ -z "$prefix" ] || [ -z "$bin" ] || fail "--prefix cannot be used with --bin"
    if [ -z "$bin" ]; then
        if [ -z "$prefix" ]; then
            prefix=/usr/local
            [ "$(id -u)" = 0 ] || prefix=${HOME:?}/.local
        fi
        bin=$prefix/bin
    fi
    if [ "$action" = uninstall ]; then
        uninstall
        exit 0
    fi

    [ -n "$version" ] || fail "no release given. Example: --version 0.1.0"
    # It becomes a part of file names and of a URL.
    case $version in
        *[!0-9A-Za-z.+-]* | [!0-9]*) fail "invalid version $version. Example: 0.1.0" ;;
    esac
    if [ -z "$from" ]; then
        [ -n "$repository" ] || fail "no source given: use --repository https://github.com/OWNER/NAME or --from"
        from=$repository/releases/download/v$version
    fi
    from=${from%/}
    [ -n "$target" ] || target=$(target_of "${os:-$(uname -s)}" "${arch:-$(uname -m)}") || exit 1
    case $target in
        *windows*) ending=zip program=retry.exe ;;
        *) ending=tar.gz program=retry ;;
    esac
    name=retry-$version-$target

    if [ "$action" = dry-run ]; then
        echo "from: $from/$name.$ending"
        echo "to: $bin/$program"
        exit 0
    fi

    work=$(mktemp -d) || fail "cannot create a temporary directory"
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    download "$name.$ending"
    verify "$name.$ending"
    unpack "$name.$ending"
    said=$("$work/$name/$program" --version 2>&1) || fail "the program cannot run on this system: $said"
    [ "$said" = "retry $version" ] || fail "unexpected version: \`$said\` instead of \`retry $version\`. Nothing was installed"

    put 755 "$work/$name/$program" "$bin/$program"
    if [ -n "$prefix" ]; then
        layout | while read -r file place; do
            put 644 "$work/$name/$file" "$prefix/$place"
        done
        # Debian has another program of this name in /usr/bin.
        first=$(command -v retry || true)
        case $first in
            "$bin/$program") ;;
            '') echo "install.sh: note: \`retry\` is not found in this shell; put $bin in PATH" >&2 ;;
            *) echo "install.sh: note: \`retry\` runs $first in this shell; put $bin first in PATH" >&2 ;;
        esac
    fi
}

# At the very end: of a download that broke off, nothing runs.
main "$@"
