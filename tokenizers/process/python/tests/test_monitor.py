"""Tests of what logs evaluations while training: they need the program, which VTBENCH_BIN
names. TensorBoard, Weights & Biases, Lightning and huggingface_hub are the real ones where
they are installed; else what they would be called with is looked at."""

import glob
import os
import subprocess
import sys
import types
import unittest
import unittest.mock
import warnings

import numpy as np

from test_evaluate import PROGRAM, SDK, Case, blur, torch

import vtbench
from vtbench import _monitor


def optional(name):
    try:
        return __import__(name, fromlist=["x"])
    except Exception:  # one that does not go with what else is installed fails in many ways
        return None


tensorboard, wandb, lightning, hub = optional("tensorboard"), optional("wandb"), optional("pytorch_lightning") or optional("lightning.pytorch"), optional("huggingface_hub")
KEY = "vtbench/quick/text-default/clean@64/psnr"


class Writer:
    """What TensorBoard's SummaryWriter is called with."""

    def __init__(self):
        self.scalars, self.images, self.texts = {}, {}, {}

    def add_scalar(self, tag, value, step):
        self.scalars[tag, step] = value

    def add_image(self, tag, image, step, dataformats):
        assert dataformats == "HWC" and image.dtype == np.uint8 and image.ndim == 3
        self.images[tag, step] = image

    def add_text(self, tag, text, step):
        self.texts[tag, step] = text

    def flush(self):
        pass


@PROGRAM
class Monitors(Case):
    def setUp(self):
        super().setUp()
        # The worst cases of a suite are of its metric of that name.
        with open("quick.yaml", "a") as f:
            f.write("worst: psnr\n")

    def options(self, **more):
        return {"suite": "quick.yaml", "limit": 2, "cache": False, **more}

    def test_plain_loop(self):
        writer, calls = Writer(), []
        m = vtbench.Monitor(blur, every=2, loggers=[vtbench.TensorBoard(writer), lambda *a: calls.append(a)], output="runs/at-{step}", **self.options())
        results = [m(step) for step in range(3)]
        self.assertIsNone(results[1])
        self.assertEqual([r.path for r in results[::2]], ["runs/at-0", "runs/at-2"])
        self.assertEqual(m.history, calls)
        psnr = results[0].value("psnr")
        self.assertEqual(writer.scalars[KEY, 0], psnr.mean)
        self.assertEqual((writer.scalars[KEY + "/low95", 2], writer.scalars[KEY + "/high95", 2]), (psnr.lo, psnr.hi))
        worst = results[0].worst(4)
        self.assertEqual(len(writer.images), 2 * len(worst))

    def test_what_goes_wrong_is_a_warning(self):
        m = vtbench.Monitor(lambda x: 1 / 0, **self.options())
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self.assertIsNone(m(0))
        self.assertIn("step 0 failed, training goes on: the model failed on every image", str(caught[-1].message))
        m.raises = True
        with self.assertRaises(vtbench.ModelFailed):
            m(0)
        with self.assertRaises(vtbench.Cancelled):
            vtbench.Monitor(blur, timeout=0, **self.options())(0)
        with self.assertRaises(ValueError):
            vtbench.Monitor(blur, every=0)
        # A misspelt option is refused before anything is trained.
        with self.assertRaisesRegex(TypeError, "unknown option 'resolution', did you mean 'resolutions'"):
            vtbench.Monitor(blur, every=5, resolution=[64])

    def test_whatever_fails_is_a_warning(self):
        """Not only what the program says: other ranks go on, too."""

        def log(step, result):
            raise ConnectionError("the server of the logger is away")

        for model, more, want in (
            (blur, {"value_range": 1.0}, "the evaluation at step 3 failed, training goes on: TypeError: value_range is 1.0"),
            (blur, {"loggers": [log]}, "logging the evaluation at step 3 failed, training goes on: ConnectionError: the server"),
        ):
            m = vtbench.Monitor(model, **self.options(), **more)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                m(3)
            self.assertIn(want, str(caught[-1].message))
            m.raises = True
            with self.assertRaises((TypeError, ConnectionError)):
                m(3)

    def test_worst_images(self):
        """Of the text suite: crops of words with what was read in them."""
        if not os.environ.get("VTBENCH_BIN"):
            return
        r = vtbench.evaluate(blur, "text", 1, resolutions=[256], cache=False)
        worst = r.worst(3)
        self.assertEqual(len(worst), 3)
        self.assertTrue(all(a.value <= b.value for a, b in zip(worst, worst[1:])))
        shown = _monitor.side_by_side(worst[0])
        self.assertEqual((shown.ndim, shown.shape[2], shown.dtype), (3, 3, np.uint8))
        self.assertIn("read as", _monitor.caption(worst[0]))
        writer = Writer()
        vtbench.TensorBoard(writer)(5, r)
        np.testing.assert_array_equal(writer.images["vtbench/worst/0", 5], shown)

    @unittest.skipUnless(tensorboard and torch, "tensorboard is not installed")
    def test_tensorboard(self):
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        r = self.evaluate()
        log = vtbench.TensorBoard("tb")
        log(3, r)
        log.writer.close()
        events = EventAccumulator("tb")
        events.Reload()
        (got,) = events.Scalars(KEY)
        self.assertEqual(got.step, 3)
        self.assertAlmostEqual(got.value, r.value("psnr").mean, places=4)
        self.assertIn(KEY + "/low95", events.Tags()["scalars"])

    def test_wandb_calls(self):
        fake = types.SimpleNamespace(run=None, Image=lambda a, caption: (a, caption))
        with unittest.mock.patch.dict(sys.modules, {"wandb": fake}):
            with self.assertRaisesRegex(ValueError, "wandb.init"):
                vtbench.WandB()
            seen = []
            r = self.evaluate()
            vtbench.WandB(types.SimpleNamespace(log=seen.append))(7, r)
        self.assertEqual((seen[0][KEY], seen[0]["vtbench/step"]), (r.value("psnr").mean, 7))
        self.assertEqual(len(seen[0].get("vtbench/worst", [])), len(r.worst(4)))
        with unittest.mock.patch.dict(sys.modules, {"wandb": None}), self.assertRaisesRegex(ImportError, "pip install wandb"):
            vtbench.WandB()

    @unittest.skipUnless(wandb, "wandb is not installed")
    def test_wandb_offline(self):
        env = {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_DIR": os.getcwd()}
        with unittest.mock.patch.dict(os.environ, env):
            run = wandb.init(project="x", mode="offline")
            r = self.evaluate()
            vtbench.WandB(run)(2, r)
            self.assertEqual(run.summary[KEY], r.value("psnr").mean)
            run.finish()
        self.assertTrue(glob.glob("wandb/offline-run-*/*.wandb"))

    @unittest.skipUnless(lightning and torch, "PyTorch Lightning is not installed")
    def test_lightning(self):
        from vtbench.lightning import Evaluate

        class Module(lightning.LightningModule):
            def __init__(self):
                super().__init__()
                self.net = torch.nn.Conv2d(3, 3, 1)

            def training_step(self, batch, _):
                return (self.net(batch[0]) ** 2).mean()

            def configure_optimizers(self):
                return torch.optim.SGD(self.parameters(), lr=0.1)

        data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.rand(2, 3, 8, 8)))
        evaluated = Evaluate(model=lambda m: m.net, range=(0, 1), every=2, **self.options())
        kept = lightning.callbacks.ModelCheckpoint(dirpath="kept", monitor=KEY, mode="max", every_n_epochs=2)
        module = Module()
        trainer = lightning.Trainer(
            max_epochs=2, callbacks=[evaluated, kept], logger=lightning.loggers.CSVLogger("csv"), enable_progress_bar=False, enable_model_summary=False, accelerator="cpu", log_every_n_steps=1
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trainer.fit(module, data)
        self.assertEqual([step for step, _ in evaluated.monitor.history], [2])
        psnr = evaluated.last.value("psnr").mean
        self.assertAlmostEqual(float(trainer.callback_metrics[KEY]), psnr, places=4)
        self.assertAlmostEqual(float(kept.best_model_score), psnr, places=4)
        self.assertTrue(module.training)
        with open(glob.glob("csv/**/metrics.csv", recursive=True)[0]) as f:
            self.assertIn(KEY, f.readline())

    def test_lightning_calls(self):
        """The hooks, with the least that Lightning is."""
        base = types.ModuleType("pytorch_lightning.callbacks")
        base.Callback = object
        fakes = {"lightning": None, "lightning.pytorch": None, "lightning.pytorch.callbacks": None, "pytorch_lightning": types.ModuleType("pytorch_lightning"), "pytorch_lightning.callbacks": base}
        sys.modules.pop("vtbench.lightning", None)
        self.addCleanup(sys.modules.pop, "vtbench.lightning", None)
        with unittest.mock.patch.dict(sys.modules, fakes):
            from vtbench.lightning import Evaluate
        writer, logged = Writer(), {}
        logger = type("TensorBoardLogger", (), {"experiment": writer})()
        trainer = types.SimpleNamespace(current_epoch=0, global_step=12, is_global_zero=True, loggers=[logger, object()])
        module = types.SimpleNamespace(net=blur, log=lambda key, v, **_: logged.update({key: v}))
        callback = Evaluate(model=lambda m: m.net, **self.options())
        callback.on_train_epoch_end(trainer, module)
        self.assertEqual(logged[KEY], callback.last.value("psnr").mean)
        self.assertEqual(len(writer.images), len(callback.last.worst(4)))
        self.assertFalse(writer.scalars)
        self.assertIsNone(callback.monitor.model)

    @unittest.skipUnless(torch, "torch is not installed")
    def test_training_example(self):
        script = os.path.join(SDK, "..", "..", "..", "examples", "training", "train.py")
        env = {**os.environ, "PYTHONPATH": SDK, "OMP_NUM_THREADS": "1"}
        out = subprocess.run([sys.executable, script, "1", "here"], env=env, capture_output=True, text=True)
        self.assertEqual(out.returncode, 0, out.stderr)
        self.assertRegex(out.stdout, r"epoch 1: loss 0\.\d+, T-NED [\d.]+ % \[.*\], PSNR [\d.]+ dB")
        self.assertTrue(os.path.exists("here/epoch-1/report.html"))

    def test_model_index(self):
        r = self.evaluate(name="my-model", baselines=["jpeg:q=20"])
        text = r.model_index()
        self.assertTrue(text.startswith('model-index:\n- name: "my-model"\n'))
        self.assertNotIn("jpeg", text)
        try:
            import yaml
            from huggingface_hub import ModelCard
            from huggingface_hub.repocard_data import model_index_to_eval_results
        except ImportError:
            return
        name, results = model_index_to_eval_results(yaml.safe_load(text)["model-index"])
        self.assertEqual(name, "my-model")
        by = {e.metric_type: e for e in results}
        psnr = r.value("psnr")
        self.assertEqual(set(by), {"psnr", "ssim"})
        e = by["psnr"]
        self.assertEqual((e.metric_value, e.metric_args["ci95_low"], e.metric_args["n"]), (psnr.mean, psnr.lo, psnr.n))
        self.assertEqual((e.task_type, e.dataset_type, e.dataset_config), ("image-to-image", "text-default", "clean@64"))
        card = ModelCard(f"---\n{text}---\n# A card\n")
        self.assertEqual(card.data.model_name, "my-model")
        self.assertEqual(len(card.data.eval_results), 2)
        # What the hub writes itself says the same.
        again = ModelCard(str(card))
        self.assertEqual([x.metric_value for x in again.data.eval_results], [x.metric_value for x in card.data.eval_results])


if __name__ == "__main__":
    unittest.main()
