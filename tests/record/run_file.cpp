#include "autosampling/record/hdf5.hpp"
#include "example_run.hpp"

#include <gmock/gmock.h>

#include <csignal>
#include <functional>
#include <map>
#include <sys/resource.h>

namespace autosampling::example {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::int64_t cycles = 12;

// A run with its run.h5.
struct FinishedRun {
    explicit FinishedRun(bool advantage = false) {
        write_segments(folder.path());
        write_run_file(folder.path(), header(), launch(1), final_distribution(advantage));
    }
    Hdf5File open() const { return Hdf5File::open(folder.path() / "run.h5"); }
    Folder folder;
};

// Row by row what the segments' cycles hold in one column.
template<class T>
std::vector<T> column(std::vector<T> CycleRow::*member) {
    std::vector<T> all;
    for (std::int64_t cycle = 0; cycle < cycles; ++cycle) {
        const CycleRow row = cycle_row(cycle);
        all.insert(all.end(), (row.*member).begin(), (row.*member).end());
    }
    return all;
}
template<class T>
std::vector<T> column(T CycleRow::*member) {
    std::vector<T> all;
    for (std::int64_t cycle = 0; cycle < cycles; ++cycle) all.push_back(cycle_row(cycle).*member);
    return all;
}

TEST(RunFile, holds_every_column_of_every_segment) {
    const FinishedRun run;
    const Hdf5File file = run.open();
    EXPECT_EQ(file.read<std::int64_t>("cycle"), column(&CycleRow::cycle));
    EXPECT_EQ(bits(file.read<double>("reward")), bits(column(&CycleRow::reward)));
    EXPECT_EQ(bits(file.read<double>("reward_accuracy")), bits(column(&CycleRow::reward_accuracy)));
    EXPECT_EQ(bits(file.read<double>("reward_loss")), bits(column(&CycleRow::reward_loss)));
    EXPECT_EQ(bits(file.read<double>("train_loss")), bits(column(&CycleRow::train_loss)));
    EXPECT_EQ(bits(file.read<double>("learning_rate")), bits(column(&CycleRow::learning_rate)));
    EXPECT_EQ(bits(file.read<double>("weight_decay")), bits(column(&CycleRow::weight_decay)));
    EXPECT_EQ(bits(file.read<double>("seconds_train")), bits(column(&CycleRow::seconds_train)));
    EXPECT_EQ(bits(file.read<double>("seconds_reward")), bits(column(&CycleRow::seconds_reward)));
    EXPECT_EQ(bits(file.read<double>("seconds_wait")), bits(column(&CycleRow::seconds_wait)));
    EXPECT_EQ(file.read<std::int32_t>("parent"), column(&CycleRow::parent));
    EXPECT_EQ(file.read<std::uint8_t>("finite"), column(&CycleRow::finite));
    EXPECT_EQ(file.read<std::int32_t>("winner"), column(&CycleRow::winner));
    EXPECT_EQ(file.read<std::int32_t>("attempt"), column(&CycleRow::attempt));
    EXPECT_EQ(file.read<std::int32_t>("cycle_epoch"), column(&CycleRow::epoch));
    EXPECT_EQ(file.read<std::uint8_t>("learned"), column(&CycleRow::learned));
    EXPECT_EQ(file.read<std::uint8_t>("explored"), column(&CycleRow::explored));
    EXPECT_EQ(file.read<std::uint64_t>("state_hash"), column(&CycleRow::state_hash));
    EXPECT_EQ(file.read<std::int32_t>("survivor"), column(&CycleRow::survivor));
    EXPECT_EQ(file.read<std::int32_t>("survivor_schedule"), column(&CycleRow::survivor_schedule));
    EXPECT_EQ(file.read<double>("weight_decay_factor"), column(&CycleRow::weight_decay_factor));
    EXPECT_EQ(file.read<float>("draw_weight"), column(&CycleRow::draw_weight));
    EXPECT_EQ(file.shape("survivor_schedule"), (std::vector<std::uint64_t>{cycles, slots, draws}));
}

TEST(RunFile, holds_the_rounds) {
    const FinishedRun run;
    const Hdf5File file = run.open();
    std::vector<double> weight;
    std::vector<std::uint8_t> level;
    for (std::int32_t round = 0; round < 3; ++round) {
        const RoundRow row = round_row(round);
        weight.insert(weight.end(), row.policy_weight.begin(), row.policy_weight.end());
        level.insert(level.end(), row.loss_level.begin(), row.loss_level.end());
    }
    EXPECT_EQ(file.read<std::int32_t>("round"), (std::vector<std::int32_t>{0, 1, 2}));
    EXPECT_EQ(file.read<double>("policy_weight"), weight);
    EXPECT_EQ(file.read<std::uint8_t>("loss_level"), level);
    EXPECT_EQ(file.shape("policy_perturbation"), (std::vector<std::uint64_t>{3, members, 2}));
}

TEST(RunFile, holds_the_epochs) {
    const FinishedRun run;
    const Hdf5File file = run.open();
    const EpochRow first = epoch_row(1), second = epoch_row(2);
    EXPECT_EQ(file.read<std::int32_t>("epoch"), (std::vector<std::int32_t>{1, 2}));
    EXPECT_EQ(file.read<std::int64_t>("epoch_cycle"), (std::vector<std::int64_t>{4, 9}));
    EXPECT_EQ(file.read<double>("test_accuracy"), (std::vector{first.test_accuracy, second.test_accuracy}));
    EXPECT_EQ(file.read<double>("test_loss"), (std::vector{first.test_loss, second.test_loss}));
    EXPECT_EQ(file.read<double>("distribution_entropy"),
              (std::vector{first.distribution_entropy, second.distribution_entropy}));
    std::vector<std::int64_t> correct = first.test_correct;
    correct.insert(correct.end(), second.test_correct.begin(), second.test_correct.end());
    EXPECT_EQ(file.read<std::int64_t>("test_correct"), correct);
}

TEST(RunFile, holds_header_job_and_final_distribution) {
    const FinishedRun run(true);
    const Hdf5File file = run.open();
    EXPECT_EQ(file.attribute<std::uint64_t>("seed"), header().seed);
    EXPECT_EQ(file.attribute<std::uint64_t>("dataset_hash"), header().dataset_hash);
    EXPECT_EQ(file.attribute<std::int64_t>("link"), 1);
    EXPECT_EQ(file.attribute<std::string>("version_mpi"), "4.1.4");
    EXPECT_EQ(file.read_strings("configuration").at(0), header().configuration);
    EXPECT_EQ(file.read_strings("host"), launch().host);
    EXPECT_EQ(file.read<std::int32_t>("true_label"), header().true_label);
    EXPECT_EQ(file.read<std::uint32_t>("split/training"), header().split_training);
    EXPECT_EQ(file.read<std::int32_t>("split/reward_true_label"), header().reward_true_label);
    const FinalDistribution final = final_distribution(true);
    EXPECT_EQ(file.read<std::int64_t>("count"), final.count);
    EXPECT_EQ(file.read<double>("probability"), final.probability);
    EXPECT_EQ(file.read<std::int64_t>("draw_count"), final.draw_count);
    EXPECT_EQ(file.read<std::int64_t>("credit"), final.credit);
    EXPECT_EQ(file.read<double>("score"), final.score);
}

TEST(RunFile, without_advantage_credit_has_no_scores) {
    const FinishedRun run;
    for (const char* name : {"draw_count", "credit", "score"}) EXPECT_FALSE(run.open().has(name)) << name;
}

// Forwards, against the program's way backwards: every member carries the schedule that its state was trained on.
TEST(RunFile, schedule_is_what_the_last_winners_state_was_trained_on) {
    using Carried = std::vector<std::pair<std::int32_t, std::vector<std::int32_t>>>; // (member, sub-schedule) by cycle
    std::vector<Carried> carried(members);
    for (std::int64_t cycle = 0; cycle < cycles; ++cycle) {
        const CycleRow row = cycle_row(cycle);
        for (std::int32_t m = 0; m < members; ++m) {
            std::vector<std::int32_t> fed;
            for (std::size_t slot = 0; slot < slots; ++slot)
                if (row.survivor[slot] == m)
                    fed.assign(row.survivor_schedule.begin() + static_cast<std::ptrdiff_t>(slot) * draws,
                               row.survivor_schedule.begin() + static_cast<std::ptrdiff_t>(slot + 1) * draws);
            carried[static_cast<std::size_t>(m)].emplace_back(m, fed);
        }
        if (cycle + 1 == cycles) {
            carried = {carried[static_cast<std::size_t>(row.winner)]};
        } else {
            const auto before = carried;
            for (std::size_t m = 0; m < members; ++m) carried[m] = before[static_cast<std::size_t>(row.parent[m])];
        }
    }
    std::vector<std::int32_t> line, schedule;
    for (const auto& [member, fed] : carried[0]) {
        line.push_back(member);
        schedule.insert(schedule.end(), fed.begin(), fed.end());
    }
    const FinishedRun run;
    EXPECT_EQ(run.open().read<std::int32_t>("line"), line);
    EXPECT_EQ(run.open().read<std::int32_t>("schedule"), schedule);
    EXPECT_EQ(run.open().shape("schedule"), (std::vector<std::uint64_t>{cycles, draws}));
}

TEST(RunFile, is_the_same_however_the_cycles_are_cut) {
    const Folder run;
    write_segment(run.path(), header(), launch(), segment(0, cycles - 1));
    write_run_file(run.path(), header(), launch(), final_distribution(false));
    const Hdf5File one = Hdf5File::open(run.path() / "run.h5");
    const FinishedRun cut;
    const Hdf5File four = cut.open();
    EXPECT_EQ(one.read<std::int32_t>("survivor_schedule"), four.read<std::int32_t>("survivor_schedule"));
    EXPECT_EQ(one.read<std::int32_t>("schedule"), four.read<std::int32_t>("schedule"));
    EXPECT_EQ(one.read<std::int64_t>("test_correct"), four.read<std::int64_t>("test_correct"));
}

TEST(RunFile, large_schedule_survives_its_chunks) {
    const Folder run;
    RunHeader wide = header();
    wide.draws = 70'001; // chunks of 1 MiB then end inside a segment, and slots are cut
    std::vector<std::int32_t> expected;
    for (std::int64_t first = 0; first < 6; first += 3) {
        Segment part = without_optional(segment(first, first + 2));
        part.epochs.clear();
        for (CycleRow& row : part.cycles) {
            row.survivor_schedule.resize(static_cast<std::size_t>(slots * wide.draws));
            for (std::size_t i = 0; i < row.survivor_schedule.size(); ++i)
                row.survivor_schedule[i] =
                    static_cast<std::int32_t>(row.cycle * 1'000'000 + static_cast<std::int64_t>(i));
            expected.insert(expected.end(), row.survivor_schedule.begin(), row.survivor_schedule.end());
        }
        write_segment(run.path(), wide, launch(), part);
    }
    write_run_file(run.path(), wide, launch(), final_distribution(false));
    EXPECT_EQ(Hdf5File::open(run.path() / "run.h5").read<std::int32_t>("survivor_schedule"), expected);
}

TEST(RunFile, has_the_tables_that_all_segments_have) {
    for (const bool first_has_them : {true, false}) {
        const Folder run;
        const Segment first = segment(0, 4), second = segment(5, 9);
        write_segment(run.path(), header(), launch(), first_has_them ? first : without_optional(first));
        write_segment(run.path(), header(), launch(), first_has_them ? without_optional(second) : second);
        write_run_file(run.path(), header(), launch(), final_distribution(false));
        const Hdf5File file = Hdf5File::open(run.path() / "run.h5");
        EXPECT_FALSE(file.has("draw_loss"));
        EXPECT_EQ(file.read<std::int32_t>("winner").size(), 10U);
    }
}

TEST(RunFile, gap_is_refused_and_leaves_no_file) {
    const Folder run;
    write_segments(run.path());
    fs::remove(segment_name(run.path(), 5, 9));
    EXPECT_THAT(message_of(ExitCode::checkpoint, [&] { write_run_file(run.path(), header(), launch(), {}); }),
                HasSubstr("gap at cycle 5"));
    EXPECT_FALSE(fs::exists(run.path() / "run.h5"));
}

TEST(RunFile, that_holds_more_cycles_than_the_segments_is_kept) {
    const FinishedRun run;
    const fs::path& path = run.folder.path();
    fs::remove(segment_name(path, 10, 11));
    EXPECT_THAT(message_of(ExitCode::checkpoint, [&] { write_run_file(path, header(), launch(), {}); }),
                HasSubstr("run.h5 holds 12 cycles, the segments 10"));
    EXPECT_EQ(run.open().shape("cycle").front(), 12U);
    RunHeader other = header(); // nor is another run's lost
    other.seed = 7;
    fs::remove(path / "run.h5");
    const Folder elsewhere;
    write_segment(elsewhere.path(), other, launch(), segment(0, 11));
    write_run_file(elsewhere.path(), other, launch(), final_distribution(false));
    fs::copy(elsewhere.path() / "run.h5", path);
    const fs::path aside = path / "record" / "superseded" / "run.h5";
    EXPECT_THAT(write_run_file(path, header(), launch(), final_distribution(false)),
                HasSubstr("another's): it is " + aside.string() + " now"));
    EXPECT_EQ(run.open().shape("cycle").front(), 10U);
    EXPECT_TRUE(fs::exists(aside));
    EXPECT_EQ(write_run_file(path, header(), launch(), final_distribution(false)), "");
}

TEST(RunFile, history_that_goes_further_is_kept) {
    const Folder run;
    const fs::path path = run.path() / "history.h5";
    const auto write_history = [&](std::int64_t done) {
        HistoryWriter history(path, header(), launch(), 1);
        HistoryRow row = history_row(false);
        row.cycles_done = done;
        history.add(row);
        history.commit();
    };
    write_history(12);
    EXPECT_THAT(message_of(ExitCode::checkpoint, [&] { write_history(10); }), HasSubstr("goes as far as cycle 12"));
    EXPECT_EQ(Hdf5File::open(path).read<std::int64_t>("cycles_done").back(), 12);
    write_history(12);
}

TEST(RunFile, that_cannot_be_written_ends_the_process_in_order_and_leaves_nothing) {
    testing::GTEST_FLAG(death_test_style) = "threadsafe"; // in a process of its own, from here on
    (void)hdf5_version();                                 // a run says it before it makes its first file
    const Folder run;
    write_segments(run.path());
    const auto fail_to_write = [&](rlim_t limit) {
        std::signal(SIGXFSZ, SIG_IGN);
        const rlimit bytes{limit, limit};
        ::setrlimit(RLIMIT_FSIZE, &bytes);
        std::fputs(message_of(ExitCode::failure, [&] { write_run_file(run.path(), header(), launch(), {}); }).c_str(),
                   stderr);
        std::exit(7);
    };
    for (const rlim_t limit : {5'000, 20'000, 50'000}) {
        EXPECT_EXIT(fail_to_write(limit), testing::ExitedWithCode(7), "run.h5 .File too large; .* wanted, .* free")
            << limit;
        EXPECT_FALSE(fs::exists(run.path() / "run.h5.tmp")) << limit;
    }
}

TEST(RunFile, without_a_segment_is_refused) {
    const Folder run;
    EXPECT_THAT(message_of(ExitCode::checkpoint, [&] { write_run_file(run.path(), header(), launch(), {}); }),
                HasSubstr("no segment"));
}

TEST(RunFile, segment_of_another_run_is_refused_naming_the_difference) {
    for (const auto& [name, change] : std::map<std::string, std::function<void(RunHeader&)>>{
             {"seed", [](RunHeader& h) { h.seed = 7; }},
             {"dataset_hash", [](RunHeader& h) { h.dataset_hash = 7; }},
             {"training_images", [](RunHeader& h) { h.training_images = 7; }},
             {"members", [](RunHeader& h) { h.members = 7; }},
             {"slots", [](RunHeader& h) { h.slots = 7; }},
             {"draws", [](RunHeader& h) { h.draws = 7; }}}) {
        const Folder run;
        write_segments(run.path());
        RunHeader other = header();
        change(other);
        const std::string message =
            message_of(ExitCode::checkpoint, [&] { write_run_file(run.path(), other, launch(), {}); });
        EXPECT_THAT(message, HasSubstr("(" + name + " is "));
        EXPECT_FALSE(fs::exists(run.path() / "run.h5"));
    }
    const Folder run;
    write_segments(run.path());
    RunHeader other = header();
    other.weight_names.emplace_back("length");
    EXPECT_THAT(message_of(ExitCode::checkpoint, [&] { write_run_file(run.path(), other, launch(), {}); }),
                HasSubstr("it has length 2 along weight, not 3"));
}

TEST(RunFile, lengthened_run_is_one_run) {
    const Folder run;
    write_segments(run.path());
    RunHeader longer = header();
    longer.cycles_planned = 1000;
    write_run_file(run.path(), longer, launch(), final_distribution(false));
    EXPECT_EQ(Hdf5File::open(run.path() / "run.h5").attribute<std::int64_t>("cycles_planned"), 1000);
}

TEST(RunFile, ancestor_that_is_no_survivor_is_refused) {
    const Folder run;
    Segment part = segment(0, 3);
    CycleRow& last = part.cycles.back();
    for (std::int32_t& survivor : last.survivor)
        if (survivor == last.winner) survivor = -1;
    write_segment(run.path(), header(), launch(), part);
    EXPECT_THAT(message_of(ExitCode::checkpoint, [&] { write_run_file(run.path(), header(), launch(), {}); }),
                HasSubstr("cycle 3 is damaged"));
}

TEST(RunFile, parent_out_of_range_is_refused) {
    const Folder run;
    Segment part = segment(0, 3);
    part.cycles[1].parent.assign(members, members);
    write_segment(run.path(), header(), launch(), part);
    EXPECT_THAT(message_of(ExitCode::checkpoint, [&] { write_run_file(run.path(), header(), launch(), {}); }),
                HasSubstr("member 5 of 5"));
}

} // namespace
} // namespace autosampling::example
