#include "base/text.hpp"
#include "site/site_config.hpp"
#include "site/site_config_keys.hpp"

namespace shifter {
namespace {

/** Comment lines of at most 100 columns. */
std::string comment(std::string_view text) {
    constexpr std::size_t width = 100;
    std::string result;
    std::string line = "#";
    for (const std::string_view word : text::words(text)) {
        if (line.size() + 1 + word.size() > width) {
            result += line + "\n";
            line = "#";
        }
        (line += ' ') += word;
    }
    return result + line + "\n";
}

std::string described(const ConfigKey & key) {
    std::string text{key.type};
    if (key.required) text += "; required";
    if (!key.fallback.empty()) (text += "; default ") += key.fallback;
    return text;
}

std::string cell(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (c == '|') result += '\\';
        result += c;
    }
    return result;
}

std::string code(std::string_view text) { return text.empty() ? std::string{} : "`" + std::string{text} + "`"; }

constexpr std::string_view sample_head =
    "# udiRoot.conf: how containers are run on this machine. Every key is in udiRoot.conf.md and udiRoot.conf(5).\n"
    "#\n"
    "# key = value. A '#' in the first column starts a comment; a backslash at the end of a line continues it. This\n"
    "# file, the files named *.conf in udiRoot.conf.d beside it, and every directory above must be owned by root and\n"
    "# writable by nobody else.\n";

constexpr std::string_view sample_modules =
    "\n# ---- Modules ----\n\n"
    "# module_NAME_KEY = value, with the keys siteEnv, siteEnvAppend, siteEnvPrepend, siteEnvUnset, siteFs, copyPath,\n"
    "# roothook, userhook, conflict and enabled. For example:\n"
    "#module_mpich_copyPath = /opt/shifter/mpich\n"
    "#module_mpich_siteEnvPrepend = LD_LIBRARY_PATH=/opt/udiImage/modules/mpich/lib64\n"
    "#module_gpu_siteFs = /opt/gpu/lib64:/opt/gpulib:ro\n"
    "#module_gpu_conflict = mpich\n";

constexpr std::string_view page_head = R"(# udiRoot.conf

What the site decides for every container on a machine. This page and `etc/udiRoot.conf` are made from the table of keys
in `udiRoot/site/site_config_keys.cpp`; the test `policy.site_config_pages` compares.

## Place and trust

`udiRoot.conf` lies in the directory that was fixed when the software was built (`/etc/shifter`). After it, the files
whose names end in `.conf` in the directory `udiRoot.conf.d` beside it are read, in the order of the bytes of their names.
All of them, and every directory above, must be owned by root and writable by nobody else; otherwise no container is
started. `shifterimg`, which runs as the user, only warns.

## Grammar

- `key = value`, split at the first `=`, without blanks at both ends. Keys are case-sensitive.
- A `#` in the first column starts a comment; elsewhere it belongs to the value. There are no quotes and no escapes.
- A backslash at the end of a line continues it: the pieces are joined by one blank; comment lines between are skipped.
- Of a key that is set twice the last value counts; where it says *lines add up*, all values do. An empty value is as if
  the key were not set.
- A boolean is `0` or another number, or `yes`, `no`, `true`, `false`, `on`, `off`.
- A size is a number, with a fraction if you like, and one of the letters b, k, m, g, t, p, e: powers of 1024.
- A path is absolute, and holds no `..`.
- An unknown key is reported with its place and the nearest known one, and ignored; where its name begins with `allow`,
  ends with `Path` or contains `ACL`, nothing is started. A configuration check fails for every unknown key.
- All problems are reported at once, each as `file:line: key: what`. At most 100 problems, and 4 MiB a file.

`shifter --check-config [FILE]` reports them without starting anything, those of ownership included.
)";

constexpr std::string_view page_modules = R"(
## Modules

`module_NAME_KEY = value`. A module exists once a key mentions it. Its name has letters, digits, `.`, `_`, `+` and `-`.
Users select modules with `--module=NAME,NAME`; `none` selects none. Lists of a module are replaced by a later line,
except its volumes.

| key | value | meaning |
|---|---|---|
)";

constexpr std::string_view page_ignored = R"(
## Keys of older releases

| key | effect |
|---|---|
)";

} // namespace

std::string sample_site_config() {
    std::string text{sample_head};
    std::string_view group;
    for (const ConfigKey & key : site_config_keys()) {
        if (key.sample.empty()) continue;
        if (key.group != group) text += "\n# ---- " + std::string{key.group} + " ----\n";
        group = key.group;
        text += "\n" + comment(std::string{key.meaning} + " (" + described(key) + ")");
        text += std::string{key.live ? "" : "#"} + std::string{key.name} + " = " + std::string{key.sample} + "\n";
    }
    text += sample_modules;
    return text;
}

std::string site_config_reference() {
    std::string text{page_head};
    std::string_view group;
    const auto row = [&](const std::vector<std::string> & cells) { text += "| " + text::join(cells, " | ") + " |\n"; };
    for (const ConfigKey & key : site_config_keys()) {
        if (key.group != group)
            text += "\n## " + std::string{key.group} + "\n\n| key | value | default | meaning |\n|---|---|---|---|\n";
        group = key.group;
        row({code(key.name), cell(key.type), key.required ? "required" : code(key.fallback), cell(key.meaning)});
    }
    text += page_modules;
    for (const ModuleKey & key : module_keys()) row({code(key.name), cell(key.type), cell(key.meaning)});
    text += page_ignored;
    for (const IgnoredKey & key : ignored_keys()) row({code(key.name), key.note.empty() ? "ignored" : cell(key.note)});
    return text;
}

} // namespace shifter
