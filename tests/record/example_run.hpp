// A made-up run: what the record's tests write and read back.
//
// Letters: P members, S slots, K draws a cycle, N training examples, C classes.
#pragma once

#include "autosampling/base/error.hpp"
#include "autosampling/record/checkpoint.hpp"
#include "autosampling/record/run_record.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace autosampling::example {

constexpr std::int64_t members = 5, slots = 3, draws = 40, classes = 7, training_images = 200, reward_images = 30;

// A folder that goes with the test.
class Folder {
  public:
    Folder() {
        std::string name = testing::TempDir() + "record-XXXXXX";
        if (!mkdtemp(name.data()))
            throw std::runtime_error("cannot make a folder for the test in " + testing::TempDir());
        path_ = name;
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

RunHeader header();
Launch launch(std::int64_t link = 0);

// A cycle with random outcomes, of which up to S members survive; the winner always does.
CycleRow cycle_row(std::int64_t cycle);

EpochRow epoch_row(std::int32_t epoch);
RoundRow round_row(std::int32_t round);

// The cycles [first, last] with the epochs that end in them, and the rounds of 5 cycles that can begin after one of
// them.
Segment segment(std::int64_t first, std::int64_t last);

// Without what not every run has.
Segment without_optional(Segment segment);

// As of a run that averages its members, which has no winners.
Segment without_winners(Segment segment);

// Twelve cycles in four segments, by two jobs.
void write_segments(const std::filesystem::path& run);

HistoryRow history_row(bool advantage);
FinalDistribution final_distribution(bool advantage);
std::vector<float> state(std::int32_t number);
std::vector<StateTensor> layout();
CheckpointIndex checkpoint_index(std::int64_t cycle);

// Returns the oldest checkpoint that is kept.
std::int64_t write_checkpoint(const std::filesystem::path& run, std::int64_t cycle, std::int64_t keep = 2,
                              const RunHeader& header = example::header());

// Every HDF5 file with a final name below a folder.
std::vector<std::filesystem::path> finished_files(const std::filesystem::path& run);

// Changes one byte of a file.
void damage(const std::filesystem::path& file, std::uintmax_t at);

// Equal bit for bit, NaN included.
std::vector<std::uint64_t> bits(const std::vector<double>& values);

void expect_equal(const CycleRow& a, const CycleRow& b);
void expect_equal(const EpochRow& a, const EpochRow& b);
void expect_equal(const RoundRow& a, const RoundRow& b);
void expect_equal(const Segment& a, const Segment& b);
void expect_equal(const RunHeader& a, const RunHeader& b, bool with_examples);
void expect_equal(const Launch& a, const Launch& b);

// The message of the Error of this code that `action` throws; fails without one.
template<class Action>
std::string message_of(ExitCode code, Action action) {
    try {
        action();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), code) << error.what();
        return error.what();
    }
    ADD_FAILURE() << "no error";
    return {};
}

} // namespace autosampling::example
