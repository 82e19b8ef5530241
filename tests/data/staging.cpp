// Copies of a data set's files on a disk of the node's own.
#include "autosampling/data/staging.hpp"

#include "data_files.hpp"

#include <gmock/gmock.h>

namespace autosampling {
namespace {

using namespace testing;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

class Staging : public ::testing::Test {
  protected:
    Staging() {
        for (const fs::path& file : files)
            write_bytes(file, Bytes(10'000, static_cast<std::uint8_t>(file.string().size())));
    }
    static void finish(StagedFiles& staged) {
        while (!staged.wait(std::chrono::seconds(1))) {
        }
    }
    // What of the files a job copied, and where to.
    std::uint64_t stage(std::vector<fs::path>* paths = nullptr) {
        StagedFiles staged(files, folder);
        finish(staged);
        EXPECT_EQ(staged.found() + staged.copied(), staged.bytes());
        if (paths != nullptr) *paths = staged.paths();
        return staged.copied();
    }

    TemporaryFolder temporary;
    fs::path folder = temporary.path() / "local disk";
    std::vector<fs::path> files{temporary.path() / "a/data.h5", temporary.path() / "longer/data.h5"};
};

TEST_F(Staging, files_are_copied_once) {
    std::vector<fs::path> paths;
    EXPECT_EQ(stage(&paths), 20'000U);
    for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(read_bytes(paths[i]), read_bytes(files[i]));
    EXPECT_EQ(stage(), 0U);
}

TEST_F(Staging, copies_that_do_not_hold_are_made_again) {
    std::vector<fs::path> paths;
    stage(&paths);
    Bytes spoilt = read_bytes(paths[0]);
    spoilt[5000] ^= 1;
    write_bytes(paths[0], spoilt);
    EXPECT_EQ(stage(), 10'000U);
    write_bytes(paths[1], Bytes(9'999));
    EXPECT_EQ(stage(), 10'000U);
    for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(read_bytes(paths[i]), read_bytes(files[i]));
}

TEST_F(Staging, file_that_has_changed_is_copied) {
    std::vector<fs::path> paths;
    stage(&paths);
    write_bytes(files[0], Bytes(10'000, 77));
    fs::last_write_time(files[0], fs::last_write_time(files[0]) + std::chrono::seconds(2));
    std::vector<fs::path> later;
    EXPECT_EQ(stage(&later), 10'000U);
    EXPECT_EQ(read_bytes(later[0]), Bytes(10'000, 77));
    EXPECT_EQ(later[1], paths[1]);
}

TEST_F(Staging, what_this_job_has_copied_is_removed_and_nothing_else) {
    const std::vector<fs::path> both = files;
    files = {both[0]};
    std::vector<fs::path> kept;
    stage(&kept);
    files = both;
    {
        StagedFiles staged(files, folder);
        finish(staged);
        EXPECT_EQ(staged.copied(), 10'000U);
        staged.remove();
        EXPECT_FALSE(fs::exists(staged.paths()[1]));
    }
    EXPECT_TRUE(fs::exists(kept[0]));
    EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 1);
}

TEST_F(Staging, another_job_waits_until_the_first_one_has_opened_its_copies) {
    std::optional<StagedFiles> first(std::in_place, files, folder);
    finish(*first);
    StagedFiles second(files, folder);
    EXPECT_FALSE(second.wait(std::chrono::milliseconds(300)));
    EXPECT_TRUE(second.is_locked_out());
    first->remove();
    first.reset();
    finish(second);
    EXPECT_EQ(second.copied(), 20'000U);
    EXPECT_EQ(read_bytes(second.paths()[0]), read_bytes(files[0]));
}

TEST_F(Staging, unusable_folders_and_missing_files_are_named) {
    const auto refused = [&](ExitCode code) { return refusal(code, [&] { stage(); }); };
    write_bytes(folder, {1});
    EXPECT_THAT(refused(ExitCode::failure), HasSubstr(folder.string()));
    files[1] = temporary.path() / "missing";
    EXPECT_THAT(refused(ExitCode::data), HasSubstr(files[1].string()));
}

} // namespace
} // namespace autosampling
