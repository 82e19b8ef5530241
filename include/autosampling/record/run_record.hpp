// The record of a run: what a cycle, an epoch and a run leave behind, as plain structs, and the files that hold them.
// analysis/RECORD_FORMAT.md describes the files.
//
// Letters: P members, S survivor slots of a cycle (1 under `best`, k under top-k, 0 under `mean`, else P), K draws a
// cycle, N training examples.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace autosampling {

// One cycle, all members.
struct CycleRow {
    std::int64_t cycle = 0;
    std::vector<double> reward;          // (P) what selection went by; NaN for a member that wasn't finite
    std::vector<double> reward_accuracy; // (P) fraction of the reward images
    std::vector<double> reward_loss;     // (P) mean cross-entropy
    std::vector<double> train_loss;      // (P)
    std::vector<double> learning_rate;   // (P) of the cycle's first batch
    std::vector<double> weight_decay;    // (P)
    std::vector<double> seconds_train;   // (P)
    std::vector<double> seconds_reward;  // (P)
    std::vector<double> seconds_wait;    // (P) of the member's rank, in the gather of outcomes
    // Of rank 0, from the end of the cycle before; not in a run begun before format 1.3.
    std::optional<double> seconds_cycle;    // all of it
    std::optional<double> seconds_gather;   // in gathering outcomes and draws, with waiting for the slowest rank
    std::optional<double> seconds_exchange; // in passing on states, as far as nothing else was done meanwhile
    std::optional<double> seconds_record;   // in making its row, and in what the checkpoint before it kept it from
    std::vector<std::uint8_t> finite;       // (P)
    std::int32_t attempt = 0;               // how often the cycle was repeated before it stood
    std::int32_t epoch = 0;                 // epochs complete when it began
    std::uint8_t learned = 0;               // drawn from the learned distribution (else uniform)
    std::uint8_t explored = 0;              // the distribution was re-estimated after it
    std::uint64_t state_hash = 0;           // of the winner's state, or of the mean, at its end; 0: not taken
    std::int32_t winner = -1;               // −1: none, as the members are averaged; then the next three are empty
    std::vector<std::int32_t> parent;       // (P) whose state the member continues from after this cycle
    std::vector<std::int32_t> survivor;     // (S) members that are a parent, ascending; −1: unused slot
    std::vector<std::int32_t> survivor_schedule; // (S, K) training indices in the order in which they were fed; −1
    std::optional<std::int32_t> round;           // of policy search, that the cycle is in
    std::optional<double> mean_reward;           // of the mean of the members' states; so the next two
    std::optional<double> mean_reward_accuracy;  // fraction of the reward images
    std::optional<double> mean_reward_loss;      // mean cross-entropy
    std::vector<double> learning_rate_factor;    // (P) on the run's; empty: all 1, not recorded
    std::vector<double> weight_decay_factor;     // (P) likewise
    std::vector<float> draw_weight;              // (S, K) of each in its batch's loss; empty: all 1, not recorded
    std::vector<float> draw_loss;                // (S, K) of each, before its batch's step; empty: not recorded
};

// What the run had reached with it: the winner's reward, or that of the mean.
double reached_reward(const CycleRow& row);

// One epoch: measured after the first cycle at which it is complete.
struct EpochRow {
    std::int32_t epoch = 0;       // 1, 2, …
    std::int64_t epoch_cycle = 0; // the cycle after which it was complete
    double test_accuracy = 0;     // of the winner, or of the mean
    double test_loss = 0;
    std::vector<std::int64_t> test_correct; // (classes)
    double test_accuracy_top5 = 0;          // NaN below 6 classes
    double distribution_entropy = 0;        // nats, of the learned distribution as last estimated, before mixing
};

// A round of policy search: what the draws of its members follow from. One more row stands after the last cycle: what
// was learned in all.
struct RoundRow {
    std::int32_t round = 0;                  // from 0
    std::int64_t round_cycle = 0;            // its first cycle
    std::vector<double> policy_weight;       // (J) w
    std::vector<double> policy_perturbation; // (P, J) ε; the member's weights are w + σ ε
    std::vector<double> class_reward_loss;   // (classes) mean cross-entropy when it began; NaN: not known
    std::vector<std::uint8_t> loss_level;    // (N) the rank of the last seen loss when it began, 1 … 255; 0: not seen
};

// What doesn't change over a run.
struct RunHeader {
    // root attributes
    std::uint64_t seed = 0;
    std::uint64_t dataset_hash = 0;
    std::int64_t members = 0;         // P
    std::int64_t slots = 0;           // S
    std::int64_t draws = 0;           // K
    std::int64_t cycles_planned = 0;  // of the whole run
    std::int64_t training_images = 0; // N
    std::int64_t classes = 0;
    std::int64_t skipped_images = 0; // left out when the data were packed
    // datasets
    std::string configuration;             // TOML, resolved
    std::vector<std::string> class_names;  // (classes)
    std::vector<std::string> weight_names; // (J) of the policy
    std::vector<std::string> column_names; // of the user's own that the policy goes by
    // datasets of the examples
    std::vector<double> column_value;                        // (columns, N) a number, or the place of a word
    std::vector<std::int32_t> label, true_label;             // (N)
    std::vector<std::uint32_t> split_training, split_reward; // rows of the training file
    std::vector<std::int32_t> reward_label, reward_true_label;
};

// What the ranks of a run's jobs computed with, column by column: a row for each stretch of ranks of a link that are
// alike.
struct Processors {
    std::vector<std::int32_t> link, first_rank, ranks;
    std::vector<std::string> cpu;        // family and model
    std::vector<std::string> capability; // the instructions that the libraries use of it
    std::vector<std::string> program;    // version and commit
};

// What belongs to one link of a chain of jobs: changes at every resume.
struct Launch {
    std::int64_t link = 0; // 0 for the first job, then 1, 2, …
    std::int64_t ranks = 0, threads = 0;
    std::string start_time, job_id, transport, batches;
    std::map<std::string, std::string> versions; // by name: attribute "version_<name>"
    std::vector<std::string> host, device, cpu;  // (ranks)
    std::vector<std::string> command;            // of rank 0 and of what started it
    std::vector<std::string> environment;        // NAME=VALUE, of rank 0
    Processors processors;                       // of this link and all before it
};

// The state of exploration at the end: final datasets of run.h5, over the training index.
struct FinalDistribution {
    std::vector<std::int64_t> count;      // (N) draws by survivors, as the method counts them
    std::vector<double> probability;      // (N) the estimate from them, before mixing with uniform and perturbation
    std::vector<std::int64_t> draw_count; // (N) advantage credit: draws by all finite members; else empty
    std::vector<std::int64_t> credit;     // (N) advantage credit: sum of z in units of 2^-16; else empty
    std::vector<double> score;            // (N) advantage credit: credit · 2^-16 / √draw_count; else empty
};

class Hdf5File;
// Of any file of a run.
Launch read_launch(const Hdf5File& file);

// A closed part of the record: consecutive cycles, and the epochs that were complete and the rounds that could begin
// after one of them; the first one has the first round, too.
struct Segment {
    std::vector<CycleRow> cycles;
    std::vector<EpochRow> epochs;
    std::vector<RoundRow> rounds;
};

// record/cycles-<first>-<last>.h5, both included, of 8 digits at least.
std::filesystem::path segment_name(const std::filesystem::path& run, std::int64_t first, std::int64_t last);

// Writes and publishes one segment (not empty). The first one, from cycle 0, makes the folder record/; where a later
// one finds none, those before it are gone: throws Error(failure).
void write_segment(const std::filesystem::path& run, const RunHeader& header, const Launch& launch,
                   const Segment& segment);

// Throws Error(checkpoint) unless a segment there ends with so many cycles done.
void require_recorded(const std::filesystem::path& run, std::int64_t cycles);

// Read one segment back; only the first one of a run has the header's examples. Throw Error(checkpoint).
Segment read_segment(const std::filesystem::path& file);
RunHeader read_header(const std::filesystem::path& file);
Launch read_launch(const std::filesystem::path& file);

// The cycles that the closed segments of a run cover, from 0 without a gap; a gap or an unreadable segment throws
// Error(checkpoint) naming it.
struct RecordExtent {
    std::int64_t cycles = 0;
    std::vector<std::filesystem::path> segments; // in order
};
RecordExtent find_segments(const std::filesystem::path& run);

// A run as its closed segments have it.
struct RecordedRun {
    RecordExtent extent;
    RunHeader header; // with the examples; length and configuration are those of the last job
    Launch launch;    // of the last job
};

// Throws Error(checkpoint), for a run without a closed segment too.
RecordedRun open_recorded_run(const std::filesystem::path& run);

// How the distribution was learned, as of so many cycles: a row of history.h5, over the training index.
struct HistoryRow {
    std::int64_t cycles_done = 0;
    std::vector<std::int64_t> count;      // (N) as in FinalDistribution, at that time; so the others
    std::vector<double> probability;      // (N)
    std::vector<std::int64_t> draw_count; // (N) or empty
    std::vector<double> score;            // (N) or empty
};

class HistoryWriter {
  public:
    // For `rows` rows.
    HistoryWriter(const std::filesystem::path& file, const RunHeader& header, const Launch& launch, std::uint64_t rows);
    ~HistoryWriter();
    void add(const HistoryRow& row);
    // Publishes the file when all rows are there. Throws Error(checkpoint) where it would replace one that goes
    // further.
    void commit();

  private:
    struct Output;
    std::unique_ptr<Output> output_;
};

// run.h5: a checked copy of all segments, with the winning schedule, the examples and the final distribution. Segment
// by segment: memory does not grow with the run beyond 4 bytes a cycle. Throws Error(checkpoint) where the segments
// don't belong together or to `header`, and where run.h5 has more cycles than they. Returns what is to be said of a
// run.h5 that was there and isn't a whole one of this run: it is set aside.
std::string write_run_file(const std::filesystem::path& run, const RunHeader& header, const Launch& launch,
                           const FinalDistribution& final);

} // namespace autosampling
