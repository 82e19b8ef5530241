#include "example_run.hpp"

#include "autosampling/base/hash.hpp"

#include <bit>
#include <fstream>
#include <limits>
#include <random>
#include <set>
#include <span>

namespace autosampling::example {

RunHeader header() {
    RunHeader header;
    header.seed = 0xfedcba9876543210;
    header.dataset_hash = std::numeric_limits<std::uint64_t>::max();
    header.members = members;
    header.slots = slots;
    header.draws = draws;
    header.cycles_planned = 20;
    header.training_images = training_images;
    header.classes = classes;
    header.skipped_images = 11;
    header.configuration = "[run]\nseed = 1 # größer\n";
    for (int c = 0; c < classes; ++c) header.class_names.push_back("class " + std::to_string(c));
    header.weight_names = {"loss", "frequency"};
    header.column_names = {"source", "length"};
    for (int i = 0; i < 2 * training_images; ++i) header.column_value.push_back(0.5 * i);
    for (int x = 0; x < training_images; ++x) {
        header.label.push_back(x % classes);
        header.true_label.push_back((x * 3) % classes);
        header.split_training.push_back(static_cast<std::uint32_t>(2 * x));
    }
    for (int x = 0; x < reward_images; ++x) {
        header.split_reward.push_back(static_cast<std::uint32_t>(2 * x + 1));
        header.reward_label.push_back(x % 5);
        header.reward_true_label.push_back(x % 6);
    }
    return header;
}

Launch launch(std::int64_t link) {
    return {.link = link,
            .ranks = 2,
            .threads = 1,
            .start_time = "2026-01-31T12:00:00Z",
            .job_id = "",
            .transport = "mpi",
            .batches = "host",
            .versions = {{"mpi", "4.1.4"}, {"libtorch", "2.11.0"}, {"hdf5", "1.10.8"}},
            .host = {"node-1", "node-2"},
            .device = {"cpu", "cpu"},
            .cpu = {"processor A", "processor B"},
            .command = {"autosampling run 'my run.toml'", "mpirun -n 2 autosampling run 'my run.toml'"},
            .environment = {"SLURM_JOB_ID=17", "LOADEDMODULES=gcc:openmpi"},
            .processors = {.link = {0, 1, 1},
                           .first_rank = {0, 0, 1},
                           .ranks = {2, 1, 1},
                           .cpu = {"processor A", "processor A", "processor B"},
                           .capability = {"AVX2", "AVX2", "AVX512"},
                           .program = {"0.1.0 (a)", "0.1.0 (b)", "0.1.0 (b)"}}};
}

CycleRow cycle_row(std::int64_t cycle) {
    std::mt19937 random(static_cast<unsigned>(cycle));
    const auto below = [&](std::int64_t bound) {
        return static_cast<std::int32_t>(random() % static_cast<unsigned>(bound));
    };
    const auto reals = [&] {
        std::vector<double> values(members);
        for (double& value : values) value = static_cast<double>(random()) / 3e9;
        return values;
    };
    CycleRow row;
    row.cycle = cycle;
    for (auto column : {&CycleRow::reward, &CycleRow::reward_accuracy, &CycleRow::reward_loss, &CycleRow::train_loss,
                        &CycleRow::learning_rate, &CycleRow::weight_decay, &CycleRow::seconds_train,
                        &CycleRow::seconds_reward, &CycleRow::seconds_wait})
        row.*column = reals();
    std::set<std::int32_t> survivors;
    for (int slot = 0; slot < slots; ++slot) survivors.insert(below(members));
    row.survivor.assign(survivors.begin(), survivors.end());
    row.winner = row.survivor[static_cast<std::size_t>(below(std::ssize(row.survivor)))];
    for (std::int32_t m = 0; m < members; ++m)
        row.parent.push_back(
            survivors.contains(m) ? m : row.survivor[static_cast<std::size_t>(below(std::ssize(row.survivor)))]);
    for (std::size_t i = 0; i < row.survivor.size() * draws; ++i)
        row.survivor_schedule.push_back(below(training_images));
    for (int m = 0; m < members; ++m) {
        row.learning_rate_factor.push_back(1 + below(1000) / 1e3);
        row.weight_decay_factor.push_back(1 + below(1000) / 1e3);
    }
    for (std::size_t i = 0; i < slots * draws; ++i) row.draw_weight.push_back(static_cast<float>(below(1000)) / 500);
    row.draw_loss = row.draw_weight;
    row.survivor.resize(slots, -1);
    row.survivor_schedule.resize(slots * draws, -1);
    row.finite.assign(members, 1);
    if (const auto lost = below(members); lost != row.winner) {
        row.finite[static_cast<std::size_t>(lost)] = 0;
        row.reward[static_cast<std::size_t>(lost)] = std::numeric_limits<double>::quiet_NaN();
    }
    for (auto column :
         {&CycleRow::seconds_cycle, &CycleRow::seconds_gather, &CycleRow::seconds_exchange, &CycleRow::seconds_record})
        row.*column = below(1000) / 1e3;
    row.round = static_cast<std::int32_t>(cycle / 5);
    row.mean_reward = below(1000) / 1e3;
    row.mean_reward_accuracy = below(1000) / 1e3;
    row.mean_reward_loss = below(1000) / 1e3;
    row.attempt = below(3);
    row.epoch = static_cast<std::int32_t>(cycle * draws / training_images);
    row.learned = cycle % 2 == 1;
    row.explored = cycle % 3 == 1;
    row.state_hash = hash_of(std::span<const std::int64_t>(&cycle, 1));
    return row;
}

EpochRow epoch_row(std::int32_t epoch) {
    EpochRow row;
    row.epoch = epoch;
    row.epoch_cycle = (epoch * training_images + draws - 1) / draws - 1;
    row.test_accuracy = 1.0 / epoch;
    row.test_loss = 0.25 * epoch;
    for (int c = 0; c < classes; ++c) row.test_correct.push_back(100 * epoch + c);
    row.test_accuracy_top5 = std::numeric_limits<double>::quiet_NaN();
    row.distribution_entropy = 5.0 / epoch;
    return row;
}

RoundRow round_row(std::int32_t round) {
    RoundRow row;
    row.round = round;
    row.round_cycle = 5 * round;
    row.policy_weight = {0.5 * round, -0.25};
    for (int i = 0; i < 2 * members; ++i) row.policy_perturbation.push_back(0.125 * i - round);
    row.class_reward_loss.assign(classes, 1.0 / (1 + round));
    for (int x = 0; x < training_images; ++x)
        row.loss_level.push_back(static_cast<std::uint8_t>((x * 7 + round) % 256));
    return row;
}

Segment segment(std::int64_t first, std::int64_t last) {
    Segment segment;
    if (first == 0) segment.rounds.push_back(round_row(0));
    for (std::int64_t cycle = first; cycle <= last; ++cycle) {
        segment.cycles.push_back(cycle_row(cycle));
        if ((cycle + 1) * draws % training_images == 0)
            segment.epochs.push_back(epoch_row(static_cast<std::int32_t>((cycle + 1) * draws / training_images)));
        if ((cycle + 1) % 5 == 0) segment.rounds.push_back(round_row(static_cast<std::int32_t>((cycle + 1) / 5)));
    }
    return segment;
}

Segment without_optional(Segment segment) {
    for (CycleRow& row : segment.cycles) {
        row.learning_rate_factor.clear();
        row.seconds_cycle = row.seconds_gather = row.seconds_exchange = row.seconds_record = std::nullopt;
        row.weight_decay_factor.clear();
        row.round = std::nullopt;
        row.mean_reward = row.mean_reward_accuracy = row.mean_reward_loss = std::nullopt;
        row.draw_weight.clear();
        row.draw_loss.clear();
    }
    segment.rounds.clear();
    return segment;
}

Segment without_winners(Segment segment) {
    for (CycleRow& row : segment.cycles) {
        row.winner = -1;
        row.parent.clear();
        row.survivor.clear();
        row.survivor_schedule.clear();
    }
    return segment;
}

void write_segments(const std::filesystem::path& run) {
    write_segment(run, header(), launch(0), segment(0, 3));
    write_segment(run, header(), launch(0), segment(4, 4));
    write_segment(run, header(), launch(1), segment(5, 9));
    write_segment(run, header(), launch(1), segment(10, 11));
}

HistoryRow history_row(bool advantage) {
    HistoryRow row{
        3, std::vector<std::int64_t>(training_images, 2), std::vector<double>(training_images, 0.005), {}, {}};
    if (!advantage) return row;
    row.draw_count = row.count;
    row.score = row.probability;
    return row;
}

FinalDistribution final_distribution(bool advantage) {
    FinalDistribution final;
    for (int x = 0; x < training_images; ++x) {
        final.count.push_back(x % 9);
        final.probability.push_back(1.0 / training_images);
        if (!advantage) continue;
        final.draw_count.push_back(x % 11);
        final.credit.push_back((x - 100) * 65536);
        final.score.push_back(x - 100.5);
    }
    return final;
}

std::vector<float> state(std::int32_t number) {
    std::vector<float> values(1000);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(number) + static_cast<float>(i) / 7;
    return values;
}

std::vector<StateTensor> layout() {
    return {{"conv1.weight", {8, 3, 3, 3}, 0, true},
            {"fc.weight", {10, 20}, 224, false},
            {"fc.bias", {10}, 432, false},
            {"bn1.num_batches", {}, 448, false}};
}

CheckpointIndex checkpoint_index(std::int64_t cycle) {
    CheckpointIndex index;
    index.cycle = cycle;
    index.winner = 3;
    index.state_of = {1, 1, 3, 3, 1};
    index.state_files = {1, 3};
    for (const std::int32_t number : index.state_files)
        index.state_hash.push_back(hash_of(std::span<const float>(state(number))));
    index.sampling = {{"count", std::vector<std::uint32_t>{4, 5, 6}},
                      {"credit", std::vector<std::int64_t>{-1, 1L << 40}},
                      {"window", std::vector<std::int32_t>{}},
                      {"weight", std::vector<double>{0.5, 0.25, 1e-300}}};
    index.launch = launch(2);
    index.header = header();
    return index;
}

std::int64_t write_checkpoint(const std::filesystem::path& run, std::int64_t cycle, std::int64_t keep,
                              const RunHeader& header) {
    CheckpointIndex index = checkpoint_index(cycle);
    index.header = header;
    for (const std::int32_t number : index.state_files)
        write_state(checkpoint_folder(run, cycle), number, state(number), layout());
    return write_index(run, index, keep);
}

std::vector<std::filesystem::path> finished_files(const std::filesystem::path& run) {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(run))
        if (entry.path().extension() == ".h5") found.push_back(entry.path());
    return found;
}

void damage(const std::filesystem::path& file, std::uintmax_t at) {
    std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
    stream.seekg(static_cast<std::streamoff>(at));
    const auto byte = static_cast<char>(stream.get() ^ 0x55);
    stream.seekp(static_cast<std::streamoff>(at));
    stream.put(byte);
}

std::vector<std::uint64_t> bits(const std::vector<double>& values) {
    std::vector<std::uint64_t> all;
    for (const double value : values) all.push_back(std::bit_cast<std::uint64_t>(value));
    return all;
}

void expect_equal(const CycleRow& a, const CycleRow& b) {
    SCOPED_TRACE("cycle " + std::to_string(a.cycle));
    EXPECT_EQ(a.cycle, b.cycle);
    for (auto column : {&CycleRow::reward, &CycleRow::reward_accuracy, &CycleRow::reward_loss, &CycleRow::train_loss,
                        &CycleRow::learning_rate, &CycleRow::weight_decay, &CycleRow::seconds_train,
                        &CycleRow::seconds_reward, &CycleRow::seconds_wait})
        EXPECT_EQ(bits(a.*column), bits(b.*column));
    EXPECT_EQ(a.parent, b.parent);
    EXPECT_EQ(a.finite, b.finite);
    EXPECT_EQ(a.winner, b.winner);
    EXPECT_EQ(a.attempt, b.attempt);
    EXPECT_EQ(a.epoch, b.epoch);
    EXPECT_EQ(a.learned, b.learned);
    EXPECT_EQ(a.explored, b.explored);
    EXPECT_EQ(a.state_hash, b.state_hash);
    EXPECT_EQ(a.survivor, b.survivor);
    EXPECT_EQ(a.survivor_schedule, b.survivor_schedule);
    for (auto column :
         {&CycleRow::seconds_cycle, &CycleRow::seconds_gather, &CycleRow::seconds_exchange, &CycleRow::seconds_record})
        EXPECT_EQ(a.*column, b.*column);
    EXPECT_EQ(a.round, b.round);
    EXPECT_EQ(a.mean_reward, b.mean_reward);
    EXPECT_EQ(a.mean_reward_accuracy, b.mean_reward_accuracy);
    EXPECT_EQ(a.mean_reward_loss, b.mean_reward_loss);
    EXPECT_EQ(a.learning_rate_factor, b.learning_rate_factor);
    EXPECT_EQ(a.weight_decay_factor, b.weight_decay_factor);
    EXPECT_EQ(a.draw_weight, b.draw_weight);
    EXPECT_EQ(a.draw_loss, b.draw_loss);
}

void expect_equal(const EpochRow& a, const EpochRow& b) {
    SCOPED_TRACE("epoch " + std::to_string(a.epoch));
    EXPECT_EQ(a.epoch, b.epoch);
    EXPECT_EQ(a.epoch_cycle, b.epoch_cycle);
    EXPECT_EQ(a.test_correct, b.test_correct);
    EXPECT_EQ(bits({a.test_accuracy, a.test_loss, a.test_accuracy_top5, a.distribution_entropy}),
              bits({b.test_accuracy, b.test_loss, b.test_accuracy_top5, b.distribution_entropy}));
}

void expect_equal(const RoundRow& a, const RoundRow& b) {
    SCOPED_TRACE("round " + std::to_string(a.round));
    EXPECT_EQ(a.round, b.round);
    EXPECT_EQ(a.round_cycle, b.round_cycle);
    EXPECT_EQ(a.policy_weight, b.policy_weight);
    EXPECT_EQ(a.policy_perturbation, b.policy_perturbation);
    EXPECT_EQ(a.class_reward_loss, b.class_reward_loss);
    EXPECT_EQ(a.loss_level, b.loss_level);
}

void expect_equal(const Segment& a, const Segment& b) {
    ASSERT_EQ(a.rounds.size(), b.rounds.size());
    for (std::size_t i = 0; i < a.rounds.size(); ++i) expect_equal(a.rounds[i], b.rounds[i]);
    ASSERT_EQ(a.cycles.size(), b.cycles.size());
    ASSERT_EQ(a.epochs.size(), b.epochs.size());
    for (std::size_t i = 0; i < a.cycles.size(); ++i) expect_equal(a.cycles[i], b.cycles[i]);
    for (std::size_t i = 0; i < a.epochs.size(); ++i) expect_equal(a.epochs[i], b.epochs[i]);
}

void expect_equal(const RunHeader& a, const RunHeader& b, bool with_examples) {
    EXPECT_EQ(a.seed, b.seed);
    EXPECT_EQ(a.dataset_hash, b.dataset_hash);
    EXPECT_EQ(a.members, b.members);
    EXPECT_EQ(a.slots, b.slots);
    EXPECT_EQ(a.draws, b.draws);
    EXPECT_EQ(a.cycles_planned, b.cycles_planned);
    EXPECT_EQ(a.training_images, b.training_images);
    EXPECT_EQ(a.classes, b.classes);
    EXPECT_EQ(a.skipped_images, b.skipped_images);
    EXPECT_EQ(a.configuration, b.configuration);
    EXPECT_EQ(a.class_names, b.class_names);
    EXPECT_EQ(a.weight_names, b.weight_names);
    EXPECT_EQ(a.column_names, b.column_names);
    if (!with_examples) return;
    EXPECT_EQ(a.label, b.label);
    EXPECT_EQ(a.true_label, b.true_label);
    EXPECT_EQ(a.column_value, b.column_value);
    EXPECT_EQ(a.split_training, b.split_training);
    EXPECT_EQ(a.split_reward, b.split_reward);
    EXPECT_EQ(a.reward_label, b.reward_label);
    EXPECT_EQ(a.reward_true_label, b.reward_true_label);
}

void expect_equal(const Launch& a, const Launch& b) {
    EXPECT_EQ(a.link, b.link);
    EXPECT_EQ(a.ranks, b.ranks);
    EXPECT_EQ(a.threads, b.threads);
    EXPECT_EQ(a.start_time, b.start_time);
    EXPECT_EQ(a.job_id, b.job_id);
    EXPECT_EQ(a.transport, b.transport);
    EXPECT_EQ(a.batches, b.batches);
    EXPECT_EQ(a.versions, b.versions);
    EXPECT_EQ(a.host, b.host);
    EXPECT_EQ(a.device, b.device);
    EXPECT_EQ(a.cpu, b.cpu);
    EXPECT_EQ(a.command, b.command);
    EXPECT_EQ(a.environment, b.environment);
    EXPECT_EQ(a.processors.link, b.processors.link);
    EXPECT_EQ(a.processors.first_rank, b.processors.first_rank);
    EXPECT_EQ(a.processors.ranks, b.processors.ranks);
    EXPECT_EQ(a.processors.cpu, b.processors.cpu);
    EXPECT_EQ(a.processors.capability, b.processors.capability);
    EXPECT_EQ(a.processors.program, b.processors.program);
}

} // namespace autosampling::example
