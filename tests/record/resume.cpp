// What a resume goes on from when files are missing, damaged, copied or renamed.
#include "autosampling/record/resume.hpp"

#include "autosampling/record/hdf5.hpp"
#include "autosampling/record/summary.hpp"
#include "example_run.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <functional>
#include <random>

namespace autosampling::example {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// Twelve cycles in four segments, with checkpoints after 5, 10 and 12 of them, and run.h5 if so wished.
struct Recorded {
    explicit Recorded(bool finished = false) {
        write_segments(path());
        for (const std::int64_t cycle : {5, 10, 12}) write_checkpoint(path(), cycle, 3);
        if (finished) write_run_file(path(), header(), launch(1), final_distribution(false));
    }
    const fs::path& path() const { return folder.path(); }
    fs::path segment(std::int64_t first, std::int64_t last) const { return segment_name(path(), first, last); }
    fs::path checkpoint(std::int64_t cycle) const { return checkpoint_folder(path(), cycle); }
    Folder folder;
};

// Prepares the resume of a run that is to have 20 cycles. The cycle from which it goes on.
std::int64_t resume(const fs::path& run) {
    const ResumePoint point = find_resume_point(run);
    EXPECT_EQ(prepare_resume(run, point, 20).cycles, point.cycle());
    return point.cycle();
}

std::string refusal(const fs::path& run) {
    const std::string message = message_of(ExitCode::checkpoint, [&] { find_resume_point(run); });
    EXPECT_THAT(message, Not(HasSubstr("--overwrite")));
    return message;
}

void expect_recorded(const fs::path& run, std::int64_t cycles) {
    std::int64_t cycle = 0;
    for (const fs::path& file : find_segments(run).segments)
        for (const CycleRow& row : read_segment(file).cycles) {
            EXPECT_EQ(row.cycle, cycle);
            EXPECT_EQ(row.survivor_schedule, cycle_row(cycle).survivor_schedule);
            EXPECT_EQ(bits(row.reward), bits(cycle_row(cycle).reward));
            ++cycle;
        }
    EXPECT_EQ(cycle, cycles);
}

void copy_folder(const fs::path& from, const fs::path& to) {
    fs::copy(from, to, fs::copy_options::recursive);
}

TEST(Resume, whole_run_goes_on_from_its_newest_checkpoint_and_loses_nothing) {
    const Recorded run;
    const ResumePoint point = find_resume_point(run.path());
    EXPECT_THAT(point.warnings, IsEmpty());
    EXPECT_EQ(point.layout, layout());
    EXPECT_EQ(resume(run.path()), 12);
    expect_recorded(run.path(), 12);
    EXPECT_FALSE(fs::exists(run.path() / "record" / "superseded"));
}

TEST(Resume, segments_and_checkpoints_beyond_are_set_aside) {
    const Recorded run;
    damage(run.checkpoint(12) / "index.h5", 1000);
    EXPECT_EQ(resume(run.path()), 10);
    expect_recorded(run.path(), 10);
    expect_equal(read_segment(run.path() / "record" / "superseded" / run.segment(10, 11).filename()), segment(10, 11));
    EXPECT_TRUE(fs::exists(run.path() / "checkpoint" / "superseded" / "cycle-00000012" / "state-1.h5"));
    write_segment(run.path(), header(), launch(), segment(10, 11)); // again, with other contents
    EXPECT_EQ(resume(run.path()), 10);
    EXPECT_TRUE(fs::exists(run.path() / "record" / "superseded" / (run.segment(10, 11).filename().string() + ".2")));
}

TEST(Resume, segment_set_aside_goes_once_its_cycles_came_out_the_same_again) {
    const auto stays = [](const std::function<void(Segment&)>& change, std::int64_t again) {
        const Recorded run;
        fs::remove(run.segment(10, 11));
        Segment before = segment(10, 11);
        change(before);
        write_segment(run.path(), header(), launch(), before);
        damage(run.checkpoint(12) / "index.h5", 1000);
        EXPECT_EQ(resume(run.path()), 10);
        const fs::path aside = run.path() / "record" / "superseded" / run.segment(10, 11).filename();
        EXPECT_TRUE(fs::exists(aside));
        write_segment(run.path(), header(), launch(2), without_optional(segment(10, again)));
        write_checkpoint(run.path(), again + 1, 3);
        EXPECT_EQ(resume(run.path()), again + 1);
        return fs::exists(aside.parent_path());
    };
    const auto alike = [](Segment& segment) { segment = without_optional(segment); };
    EXPECT_FALSE(stays(alike, 11));
    EXPECT_FALSE(stays(alike, 13));
    EXPECT_TRUE(stays(alike, 10));           // not all of its cycles
    EXPECT_TRUE(stays([](Segment&) {}, 11)); // it has more columns
    EXPECT_TRUE(stays(
        [&](Segment& segment) {
            alike(segment);
            ++segment.cycles.back().state_hash;
        },
        11));
}

TEST(Resume, last_segment_missing_or_damaged_goes_back_to_the_checkpoint_before) {
    for (const bool missing : {true, false}) {
        const Recorded run;
        if (missing)
            fs::remove(run.segment(10, 11));
        else
            damage(run.segment(10, 11), 1000);
        const ResumePoint point = find_resume_point(run.path());
        EXPECT_EQ(point.cycle(), 10);
        EXPECT_THAT(point.warnings, ElementsAre(HasSubstr("the record is whole up to cycle 10 only")));
        EXPECT_EQ(resume(run.path()), 10);
        expect_recorded(run.path(), 10);
        EXPECT_TRUE(fs::exists(run.path() / "checkpoint" / "superseded" / "cycle-00000012"));
    }
}

TEST(Resume, run_file_supplies_the_cycles_of_missing_damaged_and_foreign_segments) {
    const Recorded run(true);
    fs::remove(run.segment(0, 3));
    damage(run.segment(5, 9), 1000);
    RunHeader other = header();
    other.seed = 1;
    write_segment(run.path(), other, launch(), segment(10, 11));
    const ResumePoint point = find_resume_point(run.path());
    EXPECT_EQ(point.cycle(), 12);
    EXPECT_EQ(point.warnings.size(), 3U);
    EXPECT_FALSE(point.complete);
    EXPECT_EQ(prepare_resume(run.path(), point, 12).cycles, 12);
    expect_recorded(run.path(), 12);
    expect_equal(read_header(find_segments(run.path()).segments.front()), header(), true);
    EXPECT_TRUE(fs::exists(run.path() / "run.h5"));
}

TEST(Resume, run_file_is_put_away_when_the_run_goes_on_and_never_with_cycles_that_are_nowhere_else) {
    const Recorded whole(true);
    EXPECT_EQ(resume(whole.path()), 12);
    EXPECT_FALSE(fs::exists(whole.path() / "run.h5"));
    EXPECT_FALSE(fs::exists(whole.path() / "record" / "superseded" / "run.h5"));
    const Recorded longer(true);
    damage(longer.checkpoint(12) / "index.h5", 1000);
    EXPECT_EQ(resume(longer.path()), 10);
    EXPECT_TRUE(fs::exists(longer.path() / "record" / "superseded" / "run.h5"));
}

TEST(Resume, checkpoint_inside_a_joined_segment_cuts_it) {
    const Recorded run;
    write_segment(run.path(), header(), launch(), segment(0, 11));
    for (const auto& [first, last] : {std::pair{0, 3}, {4, 4}, {5, 9}, {10, 11}}) fs::remove(run.segment(first, last));
    damage(run.checkpoint(12) / "index.h5", 1000);
    EXPECT_EQ(resume(run.path()), 10);
    expect_recorded(run.path(), 10);
    EXPECT_TRUE(fs::exists(run.path() / "record" / "superseded" / run.segment(0, 11).filename()));
}

TEST(Resume, copied_renamed_and_other_entries_are_passed_over_and_kept) {
    const std::vector<std::pair<std::string, std::function<void(const Recorded&)>>> cases{
        {"is that of cycle 12", [](const Recorded& run) { copy_folder(run.checkpoint(12), run.checkpoint(500)); }},
        {"is that of cycle 10", [](const Recorded& run) { copy_folder(run.checkpoint(10), run.checkpoint(13)); }},
        {"is no folder", [](const Recorded& run) { std::ofstream(run.checkpoint(500)) << "notes"; }},
        {"has no index.h5", [](const Recorded& run) {
             fs::create_directory(run.checkpoint(500));
             std::ofstream(run.checkpoint(500) / "notes.txt") << "notes";
         }}};
    for (const auto& [reason, add] : cases) {
        SCOPED_TRACE(reason);
        const Recorded run;
        add(run);
        const ResumePoint point = find_resume_point(run.path());
        EXPECT_EQ(point.cycle(), 12);
        EXPECT_THAT(point.warnings, ElementsAre(HasSubstr(reason)));
        EXPECT_EQ(resume(run.path()), 12);
        const fs::path kept = run.path() / "checkpoint" / "superseded";
        EXPECT_FALSE(fs::is_empty(kept));
    }
}

TEST(Resume, checkpoint_of_another_run_is_passed_over_and_kept) {
    const Recorded run;
    RunHeader foreign = header();
    foreign.seed = 1;
    write_checkpoint(run.path(), 15, 9, foreign);
    const ResumePoint point = find_resume_point(run.path());
    EXPECT_EQ(point.cycle(), 12);
    EXPECT_THAT(point.warnings, ElementsAre(AllOf(HasSubstr("cycle-00000015"), HasSubstr("belongs to another run"))));
    EXPECT_EQ(resume(run.path()), 12);
    EXPECT_TRUE(fs::exists(run.path() / "checkpoint" / "superseded" / "cycle-00000015"));
}

TEST(Resume, newer_checkpoints_leave_alone_what_the_program_did_not_make) {
    const Recorded run;
    fs::create_directory(run.checkpoint(3));
    std::ofstream(run.checkpoint(3) / "notes.txt") << "notes";
    std::ofstream(run.checkpoint(5) / "notes.txt") << "notes";
    std::ofstream(run.checkpoint(7)) << "notes";
    copy_folder(run.checkpoint(12), run.checkpoint(8));
    write_segment(run.path(), header(), launch(), segment(12, 14));
    EXPECT_EQ(write_checkpoint(run.path(), 15, 2), 12);
    EXPECT_TRUE(fs::exists(run.checkpoint(3) / "notes.txt"));
    EXPECT_TRUE(fs::exists(run.checkpoint(5) / "notes.txt"));
    EXPECT_FALSE(fs::exists(run.checkpoint(5) / "index.h5"));
    EXPECT_TRUE(fs::exists(run.checkpoint(7)));
    EXPECT_TRUE(fs::exists(run.checkpoint(8) / "state-3.h5"));
    EXPECT_FALSE(fs::exists(run.checkpoint(10)));
    EXPECT_EQ(resume(run.path()), 15);
}

TEST(Resume, inconsistent_index_is_passed_over_saying_why) {
    const std::vector<std::pair<std::string, std::function<void(CheckpointIndex&)>>> cases{
        {"has length 4 along member, which has 5", [](CheckpointIndex& i) { i.state_of.pop_back(); }},
        {"has no state 2", [](CheckpointIndex& i) { i.state_of[0] = 2; }},
        {"winner is member 5", [](CheckpointIndex& i) { i.winner = 5; }}};
    for (const auto& [reason, spoil] : cases) {
        const Recorded run;
        CheckpointIndex index = checkpoint_index(12);
        spoil(index);
        write_index(run.path(), index, 3);
        const ResumePoint point = find_resume_point(run.path());
        EXPECT_EQ(point.cycle(), 10);
        EXPECT_THAT(point.warnings, ElementsAre(HasSubstr(reason)));
    }
}

TEST(Resume, state_with_tensors_outside_it_or_other_ones_than_those_beside_it_is_passed_over) {
    for (const bool outside : {true, false}) {
        const Recorded run;
        std::vector<StateTensor> other = layout();
        if (outside)
            other[0].offset = 990;
        else
            other[0].name = "conv2.weight";
        write_state(run.checkpoint(12), 3, state(3), other);
        const ResumePoint point = find_resume_point(run.path());
        EXPECT_EQ(point.cycle(), 10);
        EXPECT_THAT(point.warnings, ElementsAre(HasSubstr(outside ? "lies outside" : "other tensors")));
    }
}

TEST(Resume, without_a_usable_checkpoint_says_what_there_is_and_never_to_overwrite_it) {
    const Recorded run;
    for (const std::int64_t cycle : {5, 10, 12}) damage(run.checkpoint(cycle) / "index.h5", 1000);
    EXPECT_THAT(refusal(run.path()), HasSubstr("collects the 12 cycles recorded"));
    fs::remove_all(run.path() / "checkpoint");
    EXPECT_THAT(refusal(run.path()), HasSubstr("collects the 12 cycles recorded"));
    const Recorded headless;
    fs::remove(headless.segment(0, 3));
    EXPECT_THAT(refusal(headless.path()), HasSubstr("gap at cycle 0"));
}

TEST(Resume, newer_format_is_refused_saying_both_versions) {
    for (const bool segments : {true, false}) {
        const Recorded run;
        const auto rewrite = [](const fs::path& path, const std::string& filetype) {
            Hdf5File file = Hdf5File::create(path);
            file.set_attribute("filetype", filetype);
            file.set_attribute("format_version", std::string("2.3"));
            file.commit();
        };
        if (segments) rewrite(run.segment(10, 11), "autosampling segment");
        for (const std::int64_t cycle : {5, 10, 12})
            if (!segments) rewrite(run.checkpoint(cycle) / "index.h5", "autosampling checkpoint");
        EXPECT_THAT(refusal(run.path()), HasSubstr("has format version 2.3 (this program reads 1.x)"));
    }
}

TEST(Resume, run_that_ended_before_its_first_checkpoint_begins_again) {
    const Folder run;
    EXPECT_EQ(resume(run.path()), 0);
    write_segment(run.path(), header(), launch(), segment(0, 3));
    write_state(checkpoint_folder(run.path(), 4), 1, state(1), layout());
    const ResumePoint point = find_resume_point(run.path());
    EXPECT_THAT(point.warnings, Contains(HasSubstr("begins again")));
    EXPECT_EQ(resume(run.path()), 0);
    EXPECT_TRUE(fs::exists(run.path() / "record" / "superseded" / segment_name("", 0, 3).filename()));
    EXPECT_FALSE(fs::exists(checkpoint_folder(run.path(), 4)));
}

TEST(Resume, run_whose_checkpoints_are_gone_is_refused_though_its_record_is_one_segment) {
    const Folder run;
    write_segment(run.path(), header(), launch(), segment(0, 3));
    const auto says = [&](std::int64_t cycles) {
        write_summary(run.path() / "summary.json", {.state = "stopped", .cycles = cycles});
    };
    says(4);
    EXPECT_THAT(refusal(run.path()), HasSubstr("collects the 4 cycles recorded"));
    says(0);
    EXPECT_EQ(find_resume_point(run.path()).cycle(), 0);
}

TEST(Resume, data_packed_again_without_the_skipped_images_are_those_of_the_same_run) {
    const Recorded run;
    RunHeader again = header();
    again.skipped_images = 0;
    write_segment(run.path(), again, launch(2), segment(12, 14));
    write_checkpoint(run.path(), 15, 1, again);
    EXPECT_EQ(resume(run.path()), 15);
    expect_recorded(run.path(), 15);
}

TEST(Resume, large_segment_that_is_cut_is_written_in_pieces) {
    const Recorded run;
    RunHeader large = header();
    large.draws = 500'000;
    Segment whole = without_optional(segment(0, 12));
    std::mt19937 random(1);
    for (CycleRow& row : whole.cycles) {
        row.survivor_schedule.assign(static_cast<std::size_t>(large.slots * large.draws), 7);
        if (row.cycle < 4) // too large a file to be joined again
            for (std::int32_t& index : row.survivor_schedule) index = static_cast<std::int32_t>(random() % 200);
    }
    fs::remove_all(run.path() / "record");
    fs::remove_all(run.path() / "checkpoint");
    write_segment(run.path(), large, launch(), whole);
    write_checkpoint(run.path(), 12, 1, large);
    EXPECT_EQ(resume(run.path()), 12);
    EXPECT_THAT(find_segments(run.path()).segments, ElementsAre(run.segment(0, 10), run.segment(11, 11)));
    for (const fs::path& file : find_segments(run.path()).segments)
        for (const CycleRow& row : read_segment(file).cycles)
            EXPECT_EQ(row.survivor_schedule, whole.cycles[static_cast<std::size_t>(row.cycle)].survivor_schedule);
}

} // namespace
} // namespace autosampling::example
