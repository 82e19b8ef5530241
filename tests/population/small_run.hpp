// A run that takes under a second: 600 synthetic images of 8 × 8, a perceptron, 4 members, cycles of 2 × 16 draws.
#pragma once

#include "autosampling/options/configuration.hpp"
#include "autosampling/population/prepare.hpp"
#include "autosampling/population/replay.hpp"
#include "autosampling/population/run.hpp"
#include "autosampling/record/run_record.hpp"
#include "harness/mpi_test.hpp"
#include "harness/test_name.hpp"

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace autosampling::testing {

Options small_options();

// A folder that goes with the test, the same on all ranks. Collective.
class SharedFolder {
  public:
    SharedFolder();
    ~SharedFolder();
    SharedFolder(const SharedFolder&) = delete;
    SharedFolder& operator=(const SharedFolder&) = delete;
    std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

  private:
    std::filesystem::path path_;
};

// Runs the search on the first `ranks` ranks. Collective over world().
ExitCode run_on(int ranks, Options options, const std::filesystem::path& folder, Opening opening,
                const AfterTraining& after_training = {}, const volatile std::sig_atomic_t* stop = nullptr,
                const CarrierMakers& make_carriers = {});

// Runs it to its end by jobs on random numbers of ranks, each stopped after up to `most_cycles` at random; the rank of
// the last member alone has the signal. Returns how many jobs that took. Collective over world().
int run_in_pieces(const Options& options, const std::filesystem::path& folder, std::int64_t most_cycles,
                  const AfterTraining& after_training);

// What `check` and the start of a run know of one, before anything is trained. Local.
struct PlannedRun {
    PlannedRun(const Options& asked, int ranks);
    DatasetPlan data;
    std::vector<std::byte> memory;
    Prepared prepared;
};

// The message with which this is refused, with this exit code; empty where it isn't. Collective over world().
std::string refusal_as(ExitCode code, const std::function<void()>& action);
std::string usage_refusal(const std::function<void()>& action);

// The options of a replay of a finished run. Collective over world().
Options options_of_replay(const std::filesystem::path& run, ReplayMode mode);

// All rows of a run's segments.
Segment read_record(const std::filesystem::path& run);

// Expects two records to be equal, all but the seconds; NaN equals NaN. Local.
void expect_equal_records(const Segment& a, const Segment& b);
void expect_equal_records(const std::filesystem::path& a_run, const std::filesystem::path& b_run);

} // namespace autosampling::testing
