// Training on a GPU against the CPU's. Where there is none these are skipped; on the machines where this program was
// tested they were.
#include "images.hpp"

#include "autosampling/training/lanes.hpp"
#include "autosampling/training/repeated.hpp"

#include <ATen/ops/ones.h>
#include <gtest/gtest.h>
#include <torch/cuda.h>

#include <cmath>

namespace autosampling {
namespace {

class Gpu : public testing::Test {
  protected:
    void SetUp() override {
        if (!torch::cuda::is_available()) GTEST_SKIP() << "there is no GPU";
        prepare_device(device, false);
    }

    static DataOptions noisy_images() {
        DataOptions data = Images::small();
        data.augmentation = Augmentation::crop_flip;
        return data;
    }

    // Of a trainer there that gives the same bits each time.
    TrainerOptions deterministic_options() const {
        prepare_device(device, true);
        TrainerOptions options = trainer_options("resnet8", 32);
        options.device = device;
        return options;
    }

    const at::Device device{at::kCUDA, 0};
    const Images images{noisy_images()};
};

TEST_F(Gpu, batches_are_the_hosts_bit_for_bit) {
    const auto host = make_batch_loader(Batches::host, images.dataset, 100, at::kCPU);
    const auto draws = drawn_indices(1000, images.split.training.source.size(), 1);
    const Wanted wanted{images.dataset.training, images.split.training, draws,
                        RandomKey{.seed = 3, .purpose = Purpose::augmentation}};
    host->begin(wanted);
    for (const Batches kind : {Batches::resident, Batches::streamed}) {
        const auto other = make_batch_loader(kind, images.dataset, 100, device);
        other->begin(wanted);
        for (std::size_t first = 0; first < draws.size(); first += 100) {
            const Batch expected = host->batch(first, 100), made = other->batch(first, 100);
            EXPECT_TRUE(made.examples.cpu().equal(expected.examples)) << name_of(kind) << ' ' << first;
            EXPECT_TRUE(made.wanted.cpu().equal(expected.wanted)) << name_of(kind) << ' ' << first;
        }
    }
}

// Fifty steps in cycles of ten, each of other rates and decays, which a recorded step must not keep; rewards of the
// end.
TEST_F(Gpu, losses_and_rewards_are_close_to_the_cpus) {
    for (const auto& [precision, tolerance] :
         {std::pair{Precision::fp32, 1e-3}, {Precision::bf16, 3e-2}, {Precision::fp16, 3e-2}})
        for (const Batches kind : {Batches::resident, Batches::streamed}) {
            SCOPED_TRACE(testing::Message() << name_of(precision) << ' ' << name_of(kind));
            TrainerOptions options = trainer_options("resnet8", 32);
            options.training.schedule = RateSchedule::cosine;
            options.total_batches = 50;
            Trainer cpu(options, images.dataset, images.split);
            options.device = device;
            options.batches = kind;
            options.precision = precision;
            Trainer gpu(options, images.dataset, images.split);
            for (std::uint32_t cycle = 0; cycle < 5; ++cycle) {
                const auto draws = drawn_indices(320, images.split.training.source.size(), cycle);
                const CycleTask task{draws,
                                     10 * cycle,
                                     {.seed = 1, .purpose = Purpose::augmentation, .cycle = cycle},
                                     {},
                                     {1.1, 0.5 + cycle}};
                const CycleResult expected = cpu.train(task), result = gpu.train(task);
                EXPECT_TRUE(result.finite);
                EXPECT_NEAR(result.train_loss, expected.train_loss, tolerance * expected.train_loss);
                if (cycle == 0 && precision == Precision::fp32) {
                    EXPECT_NEAR(result.draw_loss[0], expected.draw_loss[0], 1e-5 * expected.draw_loss[0]);
                }
            }
            const Score expected = cpu.evaluate(HeldOut::reward, first_indices(60)),
                        score = gpu.evaluate(HeldOut::reward, first_indices(60));
            EXPECT_NEAR(score.loss_sum, expected.loss_sum, 2 * tolerance * expected.loss_sum);
        }
}

TEST_F(Gpu, result_depends_on_state_and_task_alone_when_deterministic) {
    TrainerOptions options = deterministic_options();
    for (const Batches kind : {Batches::resident, Batches::streamed}) {
        options.batches = kind;
        Trainer first(options, images.dataset, images.split), second(options, images.dataset, images.split);
        const auto draws = drawn_indices(320, 400, 1), others = drawn_indices(96, 400, 2);
        second.train({others, 0, {.purpose = Purpose::augmentation}});
        second.load(first.copy_state());
        const CycleTask task{draws, 0, {.seed = 1, .purpose = Purpose::augmentation}};
        EXPECT_EQ(first.train(task).draw_loss, second.train(task).draw_loss) << name_of(kind);
        EXPECT_EQ(first.copy_state().hash(), second.copy_state().hash()) << name_of(kind);
    }
}

// Recorded or not, with images on the device or batches that come there.
TEST_F(Gpu, ways_of_training_give_the_same_bits_when_deterministic) {
    TrainerOptions options = deterministic_options();
    std::vector<std::unique_ptr<Trainer>> trainers;
    for (const Batches kind : {Batches::resident, Batches::streamed})
        for (const bool graphs : {true, false}) {
            options.batches = kind;
            options.cuda_graphs = graphs;
            trainers.push_back(std::make_unique<Trainer>(options, images.dataset, images.split));
        }
    for (std::uint32_t cycle = 0; cycle < 3; ++cycle) {
        const auto draws = drawn_indices(320, 400, cycle);
        const CycleTask task{
            draws, 10 * cycle, {.purpose = Purpose::augmentation, .cycle = cycle}, {}, {1.1, 0.5 + cycle}};
        const CycleResult expected = trainers.front()->train(task);
        for (std::size_t way = 1; way < trainers.size(); ++way) {
            SCOPED_TRACE(testing::Message() << way << ' ' << cycle);
            EXPECT_EQ(trainers[way]->train(task).draw_loss, expected.draw_loss);
            EXPECT_EQ(trainers[way]->copy_state().hash(), trainers.front()->copy_state().hash());
            for (const HeldOut part : {HeldOut::reward, HeldOut::test})
                EXPECT_EQ(trainers[way]->evaluate(part, first_indices(60)).loss_sum,
                          trainers.front()->evaluate(part, first_indices(60)).loss_sum);
        }
    }
}

// Each with work of its own; the last cycle is shorter, so that steps are recorded anew beside the others.
TEST_F(Gpu, networks_side_by_side_give_the_bits_of_one_alone_when_deterministic) {
    TrainerOptions options = deterministic_options();
    for (const Batches kind : {Batches::resident, Batches::streamed}) {
        options.batches = kind;
        Trainer alone(options, images.dataset, images.split);
        Lanes lanes(options, images.dataset, images.split, 4);
        std::vector<State> starts(lanes.size(), alone.copy_state());
        for (std::uint32_t cycle = 0; cycle < 3; ++cycle) {
            SCOPED_TRACE(testing::Message() << name_of(kind) << ' ' << cycle);
            std::vector<std::vector<std::uint32_t>> draws;
            std::vector<CycleTask> tasks;
            for (std::uint32_t lane = 0; lane < lanes.size(); ++lane)
                draws.push_back(drawn_indices(cycle < 2 ? 320 : 96, 400, 10 * cycle + lane));
            for (std::uint32_t lane = 0; lane < lanes.size(); ++lane)
                tasks.push_back({draws[lane],
                                 10 * cycle,
                                 {.seed = lane, .purpose = Purpose::augmentation, .cycle = cycle},
                                 {},
                                 {1 + 0.1 * lane, 1}});
            const auto examples = drawn_indices(500, 60, cycle);
            std::vector<std::vector<float>> losses(lanes.size());
            std::vector<double> loss_sums(lanes.size());
            std::vector<State> ends(lanes.size());
            lanes.fork();
            lanes.for_each(lanes.size(), [&](std::size_t lane, Trainer& trainer) {
                trainer.load(starts[lane]);
                trainer.start_training(tasks[lane]);
            });
            lanes.take_steps(lanes.size());
            lanes.for_each(lanes.size(), [&](std::size_t lane, Trainer& trainer) {
                losses[lane] = trainer.finish_training().draw_loss;
                trainer.start_evaluation(HeldOut::reward, examples, 0, 1);
            });
            lanes.for_each(lanes.size(), [&](std::size_t lane, Trainer& trainer) {
                for (const Score& score : trainer.finish_evaluation()) loss_sums[lane] += score.loss_sum;
                ends[lane] = trainer.copy_state();
            });
            lanes.join();
            for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
                SCOPED_TRACE(lane);
                alone.load(starts[lane]);
                EXPECT_EQ(losses[lane], alone.train(tasks[lane]).draw_loss);
                EXPECT_EQ(loss_sums[lane], alone.evaluate(HeldOut::reward, examples).loss_sum);
                EXPECT_EQ(ends[lane].hash(), alone.copy_state().hash());
            }
            starts = ends;
        }
    }
}

// Last: the device is of no more use.
TEST_F(Gpu, work_that_looks_at_the_host_is_not_recorded_and_the_option_without_is_named) {
    const at::Tensor values = at::ones({10}, at::TensorOptions(device));
    try {
        repeat(device, [&] { values.sum().item(); });
        ADD_FAILURE() << "recorded";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::failure);
        EXPECT_NE(std::string(error.what()).find("set run.cuda_graphs = false"), std::string::npos) << error.what();
    }
}

} // namespace
} // namespace autosampling
