// Networks side by side, on CPU tensors: each is one that works alone.
#include "images.hpp"

#include "autosampling/training/lanes.hpp"

#include <gtest/gtest.h>

namespace autosampling {
namespace {

struct Result {
    std::vector<float> losses;
    double loss_sum = 0;
    State state;
};

TEST(Lanes, each_trains_as_a_trainer_alone) {
    DataOptions data = Images::small();
    data.augmentation = Augmentation::crop_flip;
    const Images images(data);
    const auto task_of = [](std::size_t lane, std::span<const std::uint32_t> draws) {
        return CycleTask{draws, 0, {.seed = lane, .purpose = Purpose::augmentation}};
    };
    const auto examples = drawn_indices(20 * Trainer::evaluation_batch, 60, 9); // more than one look
    for (const Batches kind : {Batches::host, Batches::resident, Batches::streamed}) {
        SCOPED_TRACE(name_of(kind));
        TrainerOptions options = trainer_options("resnet8", 32);
        options.batches = kind;
        Lanes lanes(options, images.dataset, images.split, 3);
        ASSERT_EQ(lanes.size(), 3U);
        std::vector<std::vector<std::uint32_t>> draws;
        for (std::uint32_t lane = 0; lane < 3; ++lane)
            draws.push_back(drawn_indices(160, images.split.training.source.size(), lane));
        const State start = lanes.first().copy_state();
        std::vector<Result> results(3);
        lanes.fork();
        lanes.for_each(3, [&](std::size_t lane, Trainer& trainer) {
            trainer.load(start);
            trainer.start_training(task_of(lane, draws[lane]));
        });
        lanes.take_steps(3);
        lanes.for_each(3, [&](std::size_t lane, Trainer& trainer) {
            results[lane].losses = trainer.finish_training().draw_loss;
            trainer.start_evaluation(HeldOut::reward, examples, 0, 1);
        });
        lanes.for_each(3, [&](std::size_t lane, Trainer& trainer) {
            for (const Score& score : trainer.finish_evaluation()) results[lane].loss_sum += score.loss_sum;
            results[lane].state = trainer.copy_state();
        });
        lanes.join();
        for (std::uint32_t lane = 0; lane < 3; ++lane) {
            SCOPED_TRACE(lane);
            Trainer alone(options, images.dataset, images.split);
            alone.load(start);
            EXPECT_EQ(alone.train(task_of(lane, draws[lane])).draw_loss, results[lane].losses);
            EXPECT_EQ(alone.evaluate(HeldOut::reward, examples).loss_sum, results[lane].loss_sum);
            EXPECT_EQ(alone.copy_state().hash(), results[lane].state.hash());
        }
    }
}

} // namespace
} // namespace autosampling
