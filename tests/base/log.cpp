#include "autosampling/base/log.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <unistd.h>

namespace autosampling {
namespace {

using ::testing::internal::CaptureStderr;
using ::testing::internal::CaptureStdout;
using ::testing::internal::GetCapturedStderr;
using ::testing::internal::GetCapturedStdout;

constexpr const char* utc = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z ";

TEST(Log, line_has_time_rank_level_and_cycle) {
    Log log(0);
    CaptureStdout();
    log.info("starting");
    EXPECT_THAT(GetCapturedStdout(), ::testing::MatchesRegex(text(utc, "rank 0 info: starting\n$")));
    log.set_cycle(12);
    CaptureStdout();
    log.info("best reward 0.5");
    EXPECT_THAT(GetCapturedStdout(), ::testing::MatchesRegex(text(utc, "rank 0 info cycle 12: best reward 0.5\n$")));
}

TEST(Log, an_event_is_one_line) {
    Log log(0);
    CaptureStdout();
    log.info("two\nlines\r\nin one");
    const std::string written = GetCapturedStdout();
    EXPECT_THAT(written, ::testing::EndsWith(": two lines  in one\n"));
    EXPECT_EQ(std::count(written.begin(), written.end(), '\n'), 1);
}

TEST(Log, a_file_that_is_a_symbolic_link_is_refused) {
    const std::string stem = text(::testing::TempDir(), "log-", ::getpid());
    const std::filesystem::path link = stem + "-link", theirs = stem + "-elsewhere";
    write_file(theirs, "theirs\n");
    std::filesystem::create_symlink(theirs, link);
    Log log(0);
    EXPECT_THROW(log.open(link), Error);
    EXPECT_EQ(read_file(theirs), "theirs\n");
    std::filesystem::remove(link);
    std::filesystem::remove(theirs);
}

TEST(Log, which_levels_are_written_depends_on_the_rank) {
    EXPECT_TRUE(Log(0).writes(LogLevel::info));
    EXPECT_FALSE(Log(0, LogLevel::error).writes(LogLevel::warning));
    EXPECT_FALSE(Log(1, LogLevel::debug).writes(LogLevel::info));
    EXPECT_TRUE(Log(1, LogLevel::debug).writes(LogLevel::warning));
    EXPECT_FALSE(Log(1, LogLevel::error).writes(LogLevel::warning));
}

TEST(Log, warnings_go_to_standard_error) {
    Log log(0);
    CaptureStdout();
    CaptureStderr();
    log.warning("slow");
    log.error("broken");
    EXPECT_THAT(GetCapturedStderr(), ::testing::ContainsRegex("rank 0 warning: slow\n.*rank 0 error: broken\n"));
    EXPECT_EQ(GetCapturedStdout(), "");
}

TEST(Log, the_level_is_for_rank_0_and_other_ranks_only_warn) {
    for (const int rank : {0, 3}) {
        Log log(rank);
        CaptureStdout();
        CaptureStderr();
        log.debug("a");
        log.info("b");
        log.set_level(LogLevel::debug);
        log.debug("c");
        log.warning("d");
        log.set_level(LogLevel::error);
        log.warning("e");
        const std::string out = GetCapturedStdout();
        const std::string err = GetCapturedStderr();
        EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), rank == 0 ? 2 : 0) << out;
        EXPECT_THAT(err, ::testing::MatchesRegex(text(utc, "rank ", rank, " warning: d\n$")));
    }
}

TEST(Log, an_opened_file_gets_the_lines_appended) {
    const std::filesystem::path file = std::filesystem::temp_directory_path() / text("log-test-", getpid(), ".log");
    for (const char* words : {"first", "second"}) {
        Log log(0);
        log.open(file);
        CaptureStdout();
        log.info(words);
        GetCapturedStdout();
    }
    EXPECT_THAT(read_file(file), ::testing::ContainsRegex("info: first\n.*info: second\n"));
    std::filesystem::remove(file);
    EXPECT_THROW(Log(0).open(file / "below a file"), Error);
}

TEST(Log, knows_whether_its_file_is_where_it_was_and_keeps_an_error_for_it_alone) {
    const std::filesystem::path file = std::filesystem::temp_directory_path() / text("log-place-", getpid(), ".log");
    Log log(0);
    EXPECT_FALSE(log.is_in_place());
    log.keep(LogLevel::error, "nowhere");
    log.open(file);
    EXPECT_TRUE(log.is_in_place());
    CaptureStderr();
    log.keep(LogLevel::error, "broken");
    EXPECT_EQ(GetCapturedStderr(), "");
    EXPECT_THAT(read_file(file), ::testing::MatchesRegex(text(utc, "rank 0 error: broken\n$")));

    std::filesystem::remove(file);
    EXPECT_FALSE(log.is_in_place());
    std::ofstream(file) << "another's";
    EXPECT_FALSE(log.is_in_place());
    std::filesystem::remove(file);
}

} // namespace
} // namespace autosampling
