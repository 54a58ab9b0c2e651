// What people read about imagemanager.json, made from the table of keys; a test compares it with the files in the tree.
#include "service/config_keys.hpp"

#include <functional>

namespace shifter::service {
namespace {

/** One object of the file, for the pages. */
struct Section {
    std::string_view name; ///< "Locations.NAME"; empty for the whole file
    std::string_view about;
};

template <class Visit> void for_each_section(Visit visit) {
    visit(Section{"", "Keys of the file itself."}, global_keys());
    visit(Section{"Platforms.SYSTEM", "One object for each system; its name is `system` in udiRoot.conf on the nodes."},
          platform_keys());
    visit(Section{"Platforms.SYSTEM.local", "Where its images go."}, local_keys());
    visit(Section{"Locations.NAME",
                  "One object for each registry; its name is the first part of references, host[:port] as a rule."},
          location_keys());
    visit(Section{"Squashfs", "How images are written. The same settings and the same image give the same bytes."},
          squashfs_keys());
    visit(Section{"LayerCache",
                  "Layers that were converted before are neither downloaded nor compressed again. Most of their blocks "
                  "are taken from published images; the cache has what is needed beside these."},
          layer_cache_keys());
    visit(Section{"Limits", "Bounds on requests, registries and images. Who goes over one is refused in words."},
          limit_keys());
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
    return text;
}

/** A '|' would end the cell of a table. */
std::string cell(std::string_view text) { return replaced(std::string{text}, "|", "\\|"); }

/** mdoc: a line that begins with a dot is a request, and a backslash begins an escape. */
std::string mdoc(std::string_view text) {
    std::string escaped = replaced(std::string{text}, "\\", "\\e");
    if (!escaped.empty() && (escaped.front() == '.' || escaped.front() == '\'')) escaped.insert(0, "\\&");
    // New sentence, new line.
    for (std::size_t at = escaped.find(". "); at != std::string::npos; at = escaped.find(". ", at + 1))
        if (at + 2 < escaped.size() && escaped[at + 2] >= 'A' && escaped[at + 2] <= 'Z') escaped[at + 1] = '\n';
    return escaped;
}

template <class Target>
std::string sample_members(const std::vector<Key<Target>> & keys, const std::string & indent,
                           const std::string & more = {}) {
    std::string text = more;
    for (const auto & key : keys)
        if (!key.sample.empty())
            text +=
                (text.empty() ? "" : ",\n") + indent + "\"" + std::string{key.name} + "\": " + std::string{key.sample};
    return text;
}

} // namespace

std::string gateway_config_reference() {
    std::string page =
        "# imagemanager.json\n\n"
        "Configuration of `shifter-gateway`: JSON, or YAML, which JSON is a part of. Where it is looked for, who must "
        "own it and\n"
        "an example are in `imagemanager.json(5)`. A value of a wrong type or range keeps the service from starting, "
        "with file,\n"
        "line and key; a key that is not listed here is ignored with a line in the log. Sizes are numbers of bytes, or "
        "texts such\n"
        "as `\"64K\"` (powers of 1024). This page is made from the table in `gateway/service/config_keys.cpp`.\n";
    for_each_section([&](const Section & section, const auto & keys) {
        page += "\n## " + (section.name.empty() ? std::string{"The file"} : std::string{section.name}) + "\n\n" +
                std::string{section.about} + "\n\n";
        page += "| key | takes | default | meaning |\n|---|---|---|---|\n";
        for (const auto & key : keys)
            page += "| `" + std::string{key.name} + "` | " + cell(key.takes) + " | " + cell(key.default_text) + " | " +
                    cell(key.summary) + " |\n";
    });
    return page;
}

std::string gateway_config_manual() {
    std::string page = ".\\\" The lists of keys are made from the table in gateway/service/config_keys.cpp.\n"
                       ".Dd November 21, 2026\n.Dt IMAGEMANAGER.JSON 5\n.Os\n"
                       ".Sh NAME\n.Nm imagemanager.json\n.Nd configuration of the Shifter image gateway\n"
                       ".Sh DESCRIPTION\n.Xr shifter-gateway 8\nreads its configuration once, when it starts, from the "
                       "file that the variable\n"
                       ".Ev GWCONFIG\nnames, else from the argument of\n.Fl -config ,\nelse from\n.Pa "
                       "/etc/shifter/imagemanager.json .\n"
                       "The file is JSON, or YAML, which JSON is a part of.\n.Pp\n"
                       "The file and its directory must belong to root or to the account of the service, and nobody "
                       "else may be able to write\n"
                       "them: who can write the file decides what the nodes mount.\n.Pp\n"
                       "A value of a wrong type or range keeps the service from starting.\nA key that is not listed "
                       "here is ignored, with a line in the log.\n"
                       "Sizes are numbers of bytes, or texts such as\n.Dq 64K ,\nin powers of 1024.\n";
    for_each_section([&](const Section & section, const auto & keys) {
        page += section.name.empty() ? ".Ss The file\n" : ".Ss " + std::string{section.name} + "\n";
        page += mdoc(section.about) + "\n.Bl -tag -width Ds\n";
        for (const auto & key : keys) {
            page += ".It Sy " + std::string{key.name} + " Pq " + mdoc(key.takes) + "\n" + mdoc(key.summary) + "\n";
            if (key.default_text == "required")
                page += "Required.\n";
            else if (key.takes != "ignored" && key.takes != "refused")
                page += "Default: " + mdoc(key.default_text) + ".\n";
        }
        page += ".El\n";
    });
    page += ".Sh ENVIRONMENT\n.Bl -tag -width Ds\n"
            ".It Ev GWCONFIG\nThe configuration file.\n"
            ".It Ev DISABLE_ACL_METADATA\nWhen set, access lists are kept from the records beside the images, for "
            "runtimes that cannot read them.\n"
            "Such runtimes let everybody use private images by their id.\n"
            ".It Ev http_proxy , https_proxy , no_proxy , all_proxy\nProxies for registries, where a location names "
            "none.\n.El\n"
            ".Sh FILES\n.Bl -tag -width Ds\n.It Pa /etc/shifter/imagemanager.json\n.El\n"
            ".Sh EXAMPLES\n.Bd -literal\n" +
            replaced(sample_gateway_config(), "\\", "\\e") +
            ".Ed\n.Sh SEE ALSO\n.Xr shifterimg 1 ,\n.Xr shifter-gateway 8\n";
    return page;
}

std::string sample_gateway_config() {
    const std::string platform = sample_members(platform_keys(), "      ", "") + ",\n      \"local\": {\n" +
                                 sample_members(local_keys(), "        ") + "\n      }";
    return "{\n" + sample_members(global_keys(), "  ") + ",\n  \"Locations\": {\n    \"docker.io\": {\n" +
           sample_members(location_keys(), "      ") + "\n    }\n  },\n  \"Platforms\": {\n    \"mysystem\": {\n" +
           platform + "\n    }\n  }\n}\n";
}

} // namespace shifter::service
