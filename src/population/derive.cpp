#include "autosampling/population/derive.hpp"

#include "autosampling/base/counted.hpp"
#include "autosampling/options/configuration.hpp"
#include "autosampling/population/recount.hpp"
#include "autosampling/record/summary.hpp"

#include <vector>

namespace autosampling {

void finish_run(const std::filesystem::path& run, Log& log) {
    const RunDirectory directory(run, Opening::resume); // refuses a run that is going on
    if (!directory.warning().empty()) log.warning(directory.warning());
    const RecordedRun record = open_recorded_run(run);
    const Options options = parse_recorded(record.header.configuration);
    const std::string remark = write_run_file(run, record.header, record.launch,
                                              final_distribution(recount(record, options, record.extent.cycles)));
    if (!remark.empty()) log.warning(remark);
    Summary summary = recorded_summary(record.extent);
    summary.cycles_planned = record.header.cycles_planned;
    summary.state = summary.cycles == summary.cycles_planned ? "finished" : "stopped";
    summary.link = record.launch.link;
    summary.members = record.header.members;
    summary.reward = name_of(options.population.reward);
    summary.record = run / "run.h5";
    write_summary(run / "summary.json", summary);
    log.info(text("wrote ", (run / "run.h5").string(), ": ", record.extent.cycles, " of ",
                  counted(record.header.cycles_planned, "cycle")));
}

void write_run_history(const std::filesystem::path& run, std::int64_t every, Log& log) {
    const RecordedRun record = open_recorded_run(run);
    const Options options = parse_recorded(record.header.configuration);
    const Timetable timetable(options.exploration, record.header.training_images, record.header.draws);
    std::vector<std::int64_t> points; // cycles done, ascending
    for (std::int64_t done = 1; done <= record.extent.cycles; ++done)
        if ((every > 0 ? done % every == 0 : timetable.epoch_ends(done)) || done == record.extent.cycles)
            points.push_back(done);

    HistoryWriter writer(run / "history.h5", record.header, record.launch, points.size());
    auto next = points.begin();
    recount(record, options, record.extent.cycles, [&](std::int64_t done, const Sampler& sampler) {
        if (done != *next) return;
        ++next;
        FinalDistribution now = final_distribution(sampler);
        writer.add({.cycles_done = done,
                    .count = std::move(now.count),
                    .probability = std::move(now.probability),
                    .draw_count = std::move(now.draw_count),
                    .score = std::move(now.score)});
    });
    writer.commit();
    log.info(text("wrote ", (run / "history.h5").string(), ": ", counted(points.size(), "time"),
                  ", the last after cycle ", record.extent.cycles));
}

} // namespace autosampling
