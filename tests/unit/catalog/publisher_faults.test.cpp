#include "base/error.hpp"
#include "catalog/publisher.hpp"
#include "catalog/storage_calls.hpp"

#include "image_files.hpp"
#include "samples.hpp"

#include <catch2/catch.hpp>
#include <fstream>

using namespace shifter;
using namespace shifter::catalog;
using namespace shifter::catalog::samples;

namespace {

/** Which call fails: the nth of all; and whether files without a name are known here. */
struct Faults {
    int fail_at = 0; ///< 0: none
    int error_number = 0;
    bool has_tmpfile = true;
    int count = 0;
};
Faults faults;

struct WithFaults {
    explicit WithFaults(Faults wanted) { faults = wanted; }
    ~WithFaults() { faults = {}; }
    WithFaults(const WithFaults &) = delete;
    WithFaults & operator=(const WithFaults &) = delete;
};

void publish_one(const Folder & folder) {
    Publisher publisher{{.directory = folder.path(), .group = ::getegid()}};
    UnpublishedFile file{{.directory = folder.path()}};
    fill(file, squashfs());
    publisher.publish(std::move(file), id_of('a'), record());
}

} // namespace

bool storage_calls::must_fail(const char * call) noexcept {
    if (!faults.has_tmpfile && std::string_view{call} == "tmpfile") {
        errno = EOPNOTSUPP;
        return true;
    }
    if (++faults.count != faults.fail_at) return false;
    errno = faults.error_number;
    return true;
}

TEST_CASE("R3: whichever call of a publication fails, the image is absent or whole, nothing else is left, and a repeat "
          "succeeds") {
    const int error_number = GENERATE(ENOSPC, EIO, ESTALE);
    const bool has_tmpfile = GENERATE(true, false);
    const bool is_damaged_before = GENERATE(false, true);
    int failed = 0;
    for (int n = 1; n < 1000; ++n) {
        const Folder folder;
        if (is_damaged_before) std::ofstream{folder / (std::string(64, 'a') + ".squashfs")} << "damaged";
        bool was_reached = false;
        bool has_failed = false;
        {
            const WithFaults scope{{n, error_number, has_tmpfile, 0}};
            try {
                publish_one(folder);
            } catch (const SysError & error) {
                has_failed = true;
                CHECK(error.error_number() == error_number);
            }
            was_reached = faults.count >= n;
        }
        INFO("call " << n);
        const bool is_whole = Publisher{{.directory = folder.path()}}.is_whole(id_of('a'));
        if (!has_failed) CHECK(is_whole);
        const bool damaged_is_left = is_damaged_before && !is_whole && folder.count() == 1;
        if (is_whole)
            CHECK(folder.count() == 2);
        else
            CHECK((folder.count() == 0 || damaged_is_left));
        failed += has_failed ? 1 : 0;
        publish_one(folder);
        CHECK(Publisher{{.directory = folder.path()}}.is_whole(id_of('a')));
        CHECK(folder.count() == 2);
        if (!was_reached) break;
    }
    CHECK(failed >= 10); // the calls were really met
}

TEST_CASE("R3: whichever call of a change of readers fails, the record is the old one or the new one") {
    for (int n = 1; n < 1000; ++n) {
        const Folder folder;
        publish_one(folder);
        bool was_reached = false;
        {
            const WithFaults scope{{n, EIO, true, 0}};
            try {
                Publisher{{.directory = folder.path()}}.publish_record(id_of('a'), record("A=2", {{1001}, {}}));
            } catch (const SysError &) {
            }
            was_reached = faults.count >= n;
        }
        INFO("call " << n);
        CHECK(Publisher{{.directory = folder.path()}}.is_whole(id_of('a')));
        CHECK(folder.count() == 2);
        if (!was_reached) break;
    }
}

TEST_CASE("without O_TMPFILE an image is published from a named partial file, which goes with its object") {
    const Folder folder;
    const WithFaults scope{{0, 0, false, 0}};
    {
        const UnpublishedFile file{{.directory = folder.path()}};
        CHECK(folder.count() == 1);
    }
    CHECK(folder.count() == 0);
    publish_one(folder);
    CHECK(folder.count() == 2);
}
