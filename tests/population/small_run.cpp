#include "small_run.hpp"

#include "record/fields.hpp"

#include <algorithm>
#include <bit>
#include <optional>
#include <random>
#include <span>
#include <variant>

namespace autosampling::testing {
namespace {

bool same(const auto& a, const auto& b) {
    return a == b;
}
bool same(double a, double b) {
    return (a != a && b != b) || std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}
bool same(const std::optional<double>& a, const std::optional<double>& b) {
    return a.has_value() == b.has_value() && same(a.value_or(0), b.value_or(0));
}
bool same(const std::vector<double>& a, const std::vector<double>& b) {
    return std::ranges::equal(a, b, [](double x, double y) { return same(x, y); });
}

// All columns but the seconds.
template<class Row>
void expect_equal_rows(const std::vector<Row>& a, const std::vector<Row>& b, const Columns<Row>& columns) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t row = 0; row < a.size(); ++row)
        for (const RowField<Row>& column : columns) {
            if (column.name.starts_with("seconds_")) continue;
            std::visit(
                [&](auto value) { ASSERT_TRUE(same(a[row].*value, b[row].*value)) << column.name << " " << row; },
                column.member);
        }
}

} // namespace

Options small_options() {
    Options o;
    o.data.name = "synthetic";
    o.data.synthetic_images = 600;
    o.data.synthetic_size = 8;
    o.data.synthetic_channels = 1;
    o.data.reward_images = 101;
    o.data.augmentation = Augmentation::crop_flip;
    o.model.name = "mlp";
    o.training.batch_size = 16;
    o.training.epochs = 2;
    o.training.learning_rate = 0.05;
    o.training.schedule = RateSchedule::cosine;
    o.population.members = 4;
    o.population.cycle_batches = 2;
    o.exploration.kind = ExplorationKind::mixture;
    o.exploration.first_epoch = 0;
    o.exploration.interval_cycles = 1;
    o.exploration.mixing = Mixing::draws;
    o.exploration.uniform_epochs = 1;
    o.exploration.perturbation = 0.2;
    o.record.checkpoint_cycles = 7;
    o.run.log_level = LogLevel::error;
    o.run.device = Device::cpu;
    return o;
}

SharedFolder::SharedFolder() {
    std::uint64_t number = std::random_device()();
    world().broadcast(std::span(&number, 1), 0);
    path_ = std::filesystem::temp_directory_path() / ("autosampling-test-" + std::to_string(number));
    world().on_root([&] { std::filesystem::create_directories(path_); });
}
SharedFolder::~SharedFolder() {
    if (world().is_root()) std::filesystem::remove_all(path_);
}

ExitCode run_on(int ranks, Options options, const std::filesystem::path& folder, Opening opening,
                const AfterTraining& after_training, const volatile std::sig_atomic_t* stop,
                const CarrierMakers& make_carriers) {
    options.run.output = folder.string();
    static const volatile std::sig_atomic_t never = 0;
    int code = 0;
    on_first_ranks(ranks, [&](const Communicator& comm) {
        Log log(comm.rank());
        code = static_cast<int>(
            run_population(comm, options, opening, stop ? *stop : never, log, after_training, make_carriers));
    });
    world().broadcast(std::span(&code, 1), 0);
    return static_cast<ExitCode>(code);
}

int run_in_pieces(const Options& options, const std::filesystem::path& folder, std::int64_t most_cycles,
                  const AfterTraining& after_training) {
    std::mt19937 random(3);
    ExitCode code = ExitCode::stopped;
    int jobs = 0;
    for (; code == ExitCode::stopped && jobs < 40; ++jobs) {
        volatile std::sig_atomic_t stop = 0;
        std::int64_t first = -1;
        const auto length = static_cast<std::int64_t>(random()) % most_cycles;
        const int ranks = 1 + static_cast<int>(random() % static_cast<unsigned>(world().size()));
        const auto stop_later = [&](std::int32_t member, std::int64_t cycle, int attempt, Trainer& trainer) {
            after_training(member, cycle, attempt, trainer);
            if (first < 0) first = cycle;
            if (cycle >= first + length && member == options.population.members - 1) stop = 1;
        };
        code = run_on(ranks, options, folder, jobs == 0 ? Opening::fresh : Opening::resume, stop_later, &stop);
    }
    EXPECT_EQ(code, ExitCode::finished);
    return jobs;
}

PlannedRun::PlannedRun(const Options& asked, int ranks)
    : data(plan_dataset(asked.data, data_seed(asked))), memory(data.bytes()) {
    load_dataset(data, memory);
    prepared = prepare(resolve(asked, ranks, data), ranks, data, view_dataset(data, memory));
}

std::string refusal_as(ExitCode code, const std::function<void()>& action) {
    std::string message;
    try {
        action();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), code) << error.what();
        message = error.what();
    }
    world().barrier();
    return message;
}

std::string usage_refusal(const std::function<void()>& action) {
    return refusal_as(ExitCode::usage, action);
}

Options options_of_replay(const std::filesystem::path& run, ReplayMode mode) {
    Options options;
    world().agree(
        [&] { options = replay_options(parse_recorded(recorded_configuration(open_replayed_run(run))), run, mode); });
    return options;
}

Segment read_record(const std::filesystem::path& run) {
    Segment all;
    for (const auto& file : find_segments(run).segments) {
        Segment segment = read_segment(file);
        all.cycles.insert(all.cycles.end(), segment.cycles.begin(), segment.cycles.end());
        all.epochs.insert(all.epochs.end(), segment.epochs.begin(), segment.epochs.end());
        all.rounds.insert(all.rounds.end(), segment.rounds.begin(), segment.rounds.end());
    }
    return all;
}

void expect_equal_records(const Segment& a, const Segment& b) {
    ASSERT_GT(a.cycles.size(), 0U);
    expect_equal_rows(a.cycles, b.cycles, cycle_columns());
    for (const auto& columns : optional_cycle_columns()) expect_equal_rows(a.cycles, b.cycles, columns);
    expect_equal_rows(a.epochs, b.epochs, epoch_columns());
    expect_equal_rows(a.rounds, b.rounds, round_columns());
}

void expect_equal_records(const std::filesystem::path& a_run, const std::filesystem::path& b_run) {
    expect_equal_records(read_record(a_run), read_record(b_run));
}

} // namespace autosampling::testing
