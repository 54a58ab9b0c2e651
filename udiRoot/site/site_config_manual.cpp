// udiRoot.conf(5), made from the table of keys as the reference page is.
#include "base/text.hpp"
#include "site/site_config.hpp"
#include "site/site_config_keys.hpp"

namespace shifter {
namespace {

/** mdoc: a backslash begins an escape, a dot in front a request; a new sentence begins a new line. */
std::string mdoc(std::string_view text) {
    std::string result = !text.empty() && (text.front() == '.' || text.front() == '\'') ? "\\&" : "";
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool ends_sentence = text[i] == ' ' && i > 0 && text[i - 1] == '.' && i + 1 < text.size() &&
                                   text[i + 1] >= 'A' && text[i + 1] <= 'Z';
        if (text[i] == '\\')
            result += "\\e";
        else
            result += ends_sentence ? '\n' : text[i];
    }
    return result + "\n";
}

/** Words in the head of a list entry: there, punctuation and short words could be taken for macros. */
std::string quoted_word(std::string_view text) {
    std::string result = "\"";
    for (const char c : text) c == '"' ? result += "\"\"" : c == '\\' ? result += "\\e" : result += c;
    return result + "\"";
}

constexpr std::string_view head = R"(.\" The lists of keys are made from the table in udiRoot/site/site_config_keys.cpp.
.Dd November 21, 2026
.Dt UDIROOT.CONF 5
.Os
.Sh NAME
.Nm udiRoot.conf
.Nd what a site decides for every container on a machine
.Sh DESCRIPTION
.Xr shifter 1
and the other programs of a node read
.Pa /etc/shifter/udiRoot.conf ,
or where the installation was told to look for it, and then the files whose names end in
.Pa .conf
in the directory
.Pa udiRoot.conf.d
beside it, in the order of the bytes of their names.
All of them, and every directory above, must be owned by root and writable by nobody else; otherwise no container is
started.
.Xr shifterimg 1 ,
which runs as the user, only warns.
.Pp
.Ql shifter --check-config
reports every problem of the installed files at once, or of another file and its drop-ins, each with file, line, key and
the nearest known key.
.Ss Grammar
.Bl -bullet
.It
A line is
.Ql key = value ,
split at the first
.Ql = ,
without blanks at both ends.
Keys are case-sensitive.
.It
A
.Ql #
in the first column starts a comment; elsewhere it belongs to the value.
There are no quotes and no escapes.
.It
A backslash at the end of a line continues it: the pieces are joined by one blank.
.It
Of a key that is set twice the last value counts; where it says
.Em lines add up ,
all values do.
An empty value is as if the key were not set.
.It
A boolean is
.Cm 0
or another number, or
.Cm yes , no , true , false , on , off .
.It
A size is a number, with a fraction if you like, and one of the letters b, k, m, g, t, p, e: powers of 1024.
.It
A path is absolute, and holds no
.Ql .. .
.It
An unknown key is reported and ignored; where its name begins with
.Ql allow ,
ends with
.Ql Path
or contains
.Ql ACL ,
nothing is started.
.El
)";

constexpr std::string_view modules = R"(.Ss Modules
.Ql module_NAME_KEY = value .
A module exists once a key mentions it.
Users select modules with
.Ql shifter --module=NAME,NAME ;
.Cm none
selects none.
Lists of a module are replaced by a later line, except its volumes.
.Bl -tag -width Ds
)";

constexpr std::string_view tail = R"(.El
.Sh FILES
.Bl -tag -width Ds
.It Pa /etc/shifter/udiRoot.conf
The configuration.
.It Pa /etc/shifter/udiRoot.conf.d/*.conf
Drop-ins.
.El
.Sh EXAMPLES
.Bd -literal
udiMount = /var/udiMount
loopMount = /var/udiLoopMount
imagePath = /images
udiRootPath = /usr
etcPath = /etc/shifter/shifter_etc_files
imageGateway = http://gateway:5000
system = mycluster
siteFs = /home:/home
.Ed
.Sh SEE ALSO
.Xr shifter 1 ,
.Xr shifterimg 1 ,
.Xr imagemanager.json 5 ,
.Xr setupRoot 8
)";

} // namespace

std::string site_config_manual() {
    std::string page{head};
    std::string_view group;
    const auto entry = [&](std::string_view name, std::string_view type) {
        page += ".It Sy " + std::string{name} + " Pq " + quoted_word(type) + "\n";
    };
    for (const ConfigKey & key : site_config_keys()) {
        if (key.group != group)
            page +=
                std::string{group.empty() ? "" : ".El\n"} + ".Ss " + std::string{key.group} + "\n.Bl -tag -width Ds\n";
        group = key.group;
        entry(key.name, key.type);
        page += mdoc(key.meaning);
        if (key.required) page += "Required.\n";
        if (!key.fallback.empty()) page += mdoc("Default: " + std::string{key.fallback} + ".");
    }
    page += ".El\n" + std::string{modules};
    for (const ModuleKey & key : module_keys()) {
        entry(key.name, key.type);
        page += mdoc(key.meaning);
    }
    page += ".El\n.Ss Keys of older releases\n.Bl -tag -width Ds\n";
    for (const IgnoredKey & key : ignored_keys()) {
        page += ".It Sy " + std::string{key.name} + "\n";
        page += mdoc((key.note.empty() ? "ignored" : std::string{key.note}) + ".");
    }
    return page + std::string{tail};
}

} // namespace shifter
